"""Contrast sets for the detector `toxicity`: sentences that share their words and differ in what they do.

Every sentence here is made up. Abusive words stand in it because a model that never saw them quoted, rejected
or reclaimed takes each mention for an attack. A phenomenon has several families of templates; those in HELD_OUT
are not trained on when the card's figures are made.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator

import msgspec

from training import contrast_abuse, contrast_speech

KINDS = ("INSULT", "THREAT", "IDENTITY_ATTACK", "OBSCENE")
EACH = 150  # sentences of a family at most
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIO])")

_WORDS = {
    "group": "Muslims|Jews|Christians|Hindus|Black people|white people|Asians|Mexicans|immigrants|refugees|gay people|"
    "lesbians|trans people|women|men|disabled people|autistic people|old people|Roma|Arabs|Africans|Indians|"
    "Chinese people|Native Americans|atheists|foreigners|Latinos|bisexual people|deaf people|the homeless",
    "one": "Muslim|Jew|Christian|Hindu|Black woman|white man|Asian|Mexican|immigrant|refugee|gay man|lesbian|trans woman|"
    "woman|man|disabled person|Arab|African|Indian|Native American|atheist|foreigner|Latina|blind man",
    "bad": "stupid|lazy|criminals|dirty|parasites|vermin|thieves|liars|dangerous|inferior|animals|savages|a plague|"
    "worthless|a disease|rats|disgusting|terrorists|cockroaches|subhuman",
    "name": "idiot|moron|loser|imbecile|scumbag|clown|coward|pig|pathetic fool|waste of space|disgrace|creep|bitch|"
    "asshole|dumbass|piece of shit|snowflake|lowlife|brainless fool|nobody",
    "slur": "faggot|nigger|kike|spic|chink|retard|tranny|dyke|whore|slut|cunt|raghead|paki|gypsy scum",
    "trait": "smart|funny|useful|welcome|worth my time|half as clever as you think|wanted here|capable of thought",
    "praise": "a great neighbour|my best friend|the kindest person I know|our new doctor|a wonderful teacher|a nurse|"
    "the captain of our team|moving in next door|getting married in June|a brilliant engineer",
    "thing": "this printer|the build|my old laptop|this weather|that traffic jam|the deadline|this bug|the exam|this song|"
    "the last episode|my alarm clock|Monday|the update|that movie|this game|the merge conflict",
    "swear": "fucking|goddamn|bloody|damn|fuckin|freaking",
    "when": "tonight|soon|one of these days|when you least expect it|after work|tomorrow|before the week is over|next time",
    "hurt": "break your legs|cut your throat|shoot you|beat you until you stop moving|burn your house down|kill you|"
    "put you in hospital|stab you|smash your face in|bury you|drown you|hunt you down|shoot you in the face|knock your "
    "teeth out|run you over|strangle you|make you bleed|burn your car|kick your head in|tear you apart|poison your dog|chop your "
    "fingers off|put a knife in your back|kill your whole family|kill him|shoot her|beat them to death|hurt your sister",
    "who": "my brother|my boss|a stranger|my teacher|the man on the bus|a former colleague|some boys at school|the caller",
    "process": "the process|the server|the zombie thread|this task|the session|the job|the daemon|the container",
    "dialect": "my cousin|that boy|she|he|they|my homegirl|bruh|my mans",
    **contrast_abuse.WORDS,
    **contrast_speech.WORDS,
}


class Example(msgspec.Struct, frozen=True):
    """`toxic`, and the KINDS that hold; `family` names where it comes from."""

    text: str
    toxic: bool
    kinds: tuple[str, ...]
    family: str


# Family: (kinds of abuse, or None where it is none; templates).
FAMILIES: dict[str, tuple[tuple[str, ...] | None, str]] = {
    # Insults, mostly without swear words, and what only looks like one.
    "insult/direct": (
        ("INSULT",),
        "You are a {name}.|you {name}|What a {name} you are.|Shut up, you {name}.|Nobody likes you, {name}.|You're the "
        "biggest {name} I have ever met.|Only a {name} would write that.|Your mother raised a {name}.|Listen, {name}, "
        "nobody asked you.|go away {name}|your whole team are a bunch of {name}s",
    ),
    "insult/plain": (
        ("INSULT",),
        "You are not {trait}.|You have never been {trait}.|Nobody thinks you are {trait}.|I have met stones more {trait} "
        "than you.|It is a miracle that you can tie your own shoes.|Your parents must be ashamed of you.|The world would be "
        "better without you.|Do us all a favour and disappear.|Kill yourself.|just go die already|You should never have been born.|Even your dog "
        "would leave you if it could.|you make everyone around you dumber|people laugh at you behind your back",
    ),
    "insult/self": (
        None,
        "I am such a {name}, I forgot my keys.|I felt like a {name} yesterday.|I was a {name} to think it would work.|I am such a stupid {name}, I left the tickets at home.|what a {name} I am lol|Am I "
        "the {name} here?|Sometimes I think that I'm a {name}.|I'm a {name} in the mornings, sorry.",
    ),
    "insult/negated": (
        None,
        "You are not a {name}.|I never said that you are a {name}.|Don't call yourself a {name}.|You're no {name}, you just made a "
        "mistake.|Nobody here thinks you are a {name}.|He isn't a {name}; he was tired.|Please stop thinking you are a {name}.|You are really not a {name} at all.|you're not a {name}, relax",
    ),
    "insult/reported": (
        None,
        '{who} called me a {name} and I cried all night.|"You {name}", said {who}, and slammed the door.|Is it ever okay to '
        "call somebody a {name}?|How should I answer when {who} calls me a {name}?|In the play the king shouts '{name}!' at his "
        "servant.|I was bullied: {who} said I was a {name}.|Translate the insult '{name}' into German, please.",
    ),
    # Threats, and the same verbs without a victim.
    "threat/open": (
        ("THREAT",),
        "I will {hurt} {when}.|I will {hurt}.|I'll {hurt}!|I'm going to {hurt}.|If I see you again I will {hurt}.|{when} I'll {hurt}, I swear.|Say that "
        "again and I'll {hurt}.|somebody should {hurt}|We are coming to {hurt}.|I promise to {hurt} {when}.|I will find you and {hurt}.|I'm coming for you and I will {hurt}.",
    ),
    "threat/veiled": (
        ("THREAT",),
        "I know where you live.|We know which school your children go to.|Watch your back {when}.|You will regret this {when}."
        "|It would be a shame if something happened to your family.|Accidents happen to people like you {when}.|Enjoy your last "
        "days.|You won't see the end of the week.|Sleep with one eye open.|You had better hope that we never meet.|I have your "
        "address and I am on my way.|Your time is coming {when}.|Keep talking and nobody will find you.|You will pay for this with blood.",
    ),
    "threat/group": (
        ("THREAT", "IDENTITY_ATTACK"),
        "{group} should be shot.|Somebody should burn down the houses of {group}.|We will come for all {group} {when}.|Every {one} in "
        "this town should be hanged.|Round up {group} and get rid of them.|The only good {one} is a dead one.",
    ),
    "threat/machine": (
        None,
        "How do I kill {process}?|I will kill {process} {when}.|Shoot me an e-mail {when}.|Kill {process} and all its children."
        "|We had to kill {process} because it hung.|You can kill {process} with a signal.|Execute {process} {when}.|Terminate "
        "{process}, then destroy the volume.|Abort {process} if it attacks the CPU.",
    ),
    "threat/figure": (
        None,
        "I'm going to crush you at chess {when}.|{thing} is killing me.|You killed it on stage!|I could murder a curry {when}.|My "
        "mother will kill me if I am late again.|That joke slayed me.|We will destroy them in the final {when}.|You're going to die "
        "when you hear what happened, it's so funny.|I'd kill for a coffee.|I'll hunt you down a good recipe {when}.",
    ),
    "threat/reported": (
        None,
        "{who} said he would {hurt}, so I called the police.|The court heard that {who} had threatened to 'kill her'.|What should I do "
        "if {who} writes that he will {hurt}?|In the film the gangster says 'I will {hurt}'.|Nobody is going to {hurt}, you are "
        "safe here.|I would never {hurt}.|He was convicted of a threat to burn a house down.",
    ),
    # Groups: attacks, and everything else that is said about them.
    "group/attack": (
        ("IDENTITY_ATTACK",),
        "{group} are {bad}.|All {group} are {bad}.|Most {group} are {bad}, everybody knows it.|I hate {group}.|{group} don't belong in "
        "this country.|Never trust a {one}.|{group} ruin everything they touch.|Typical {one}, always {bad}.|Why are {group} so {bad}?|Those {group} are {bad}, all of them.|{group} are {bad}, throw them out.|{group} should not exist.",
    ),
    "group/coded": (
        ("IDENTITY_ATTACK",),
        "This street was clean before {group} moved in.|You can smell it when {group} have been here.|{group} should not be "
        "allowed to vote.|I would never let my daughter marry a {one}.|Send {group} back to where they came from.|We need "
        "fewer {group} and more decent people.|{group} only understand force.|Of course it was stolen, a {one} works there."
        "|God made a mistake when he made {group}.|{group} breed like rabbits.|A {one} can never be one of us.",
    ),
    "group/slur": (
        ("IDENTITY_ATTACK", "OBSCENE"),
        "You {slur}.|Go home, {slur}.|I hate every {slur} in this town.|Look at that {slur} over there.|Shut your mouth, {slur}.|All "
        "of them are {slur}s.|another {slur} got the job",
    ),
    "group/negated": (
        None,
        "{group} are not {bad}.|It is not true that {group} are {bad}.|I don't hate {group}.|Nobody should say that {group} are "
        "{bad}.|{group} are no more {bad} than anybody else.|Not one of the {group} I know is {bad}.|It's a myth that {group} are {bad}.",
    ),
    "group/counter": (
        None,
        'Saying "{group} are {bad}" is hateful and wrong.|People who claim that {group} are {bad} spread lies.|Stop telling your '
        "children that {group} are {bad}.|You should be ashamed of saying that {group} don't belong here.|Whoever writes that {group} "
        "are {bad} has never met one.|We must speak up when somebody says '{group} are {bad}'.|Hatred against {group} has no "
        "place in our club.",
    ),
    "group/reported": (
        None,
        "The leaflet claimed that {group} are {bad}; the editor apologised.|Why did people in the 1930s believe that {group} were {bad}?"
        "|My uncle thinks that {group} are {bad}. How can I change his mind?|The word '{slur}' is an insult and should not be used.|"
        'He was called a "{slur}" at work and complained to the union.|Where does the slur "{slur}" come from?|What does the word {slur} mean?|{who} shouted '
        "'{slur}' at me in the street and I am still shaking.|They banned the player who had called a fan a {slur}.",
    ),
    "group/plain": (
        None,
        "I am a {one}.|My neighbour is a {one} and {praise}.|The {one} next door is {praise}.|{group} live in our town.|A {one} is "
        "{praise}.|Which holidays do {group} celebrate?|How many {group} live in Canada?|I love being a {one}.|As a {one}, I "
        "often feel alone.|{group} deserve equal pay.|Our club welcomes {group}.|Write a story about a {one} who is {praise}.|"
        "Two {group} and a doctor went to the opera.|Laws that protect {group} were passed in May.|Thousands of {group} were murdered in that war.|{group} were persecuted for centuries.|He is not a criminal, he is a {one}.",
    ),
    "group/reclaimed": (
        None,
        "I'm a proud dyke and this is my wife.|We queer folks look out for each other.|Call me queer, I like that word.|my bitches and "
        "I are off to Ibiza, love you girls|That's my nigga right there, we grew up together.|As a fag myself I find this hilarious.|"
        "Dykes on Bikes led the parade.|Our crip poetry night is open to all.|Bad bitch energy today, I got the job!|happy birthday "
        "my nigga, stay blessed|queer and proud since 1985|we sluts march so that nobody is shamed for her skirt",
    ),
    # Profanity that has no victim, and with one.
    "profanity/joy": (
        None,
        "This is {swear} brilliant!|{thing} is {swear} great.|That was {swear} amazing, thank you!|Holy shit, {thing} works!|I "
        "{swear} love {thing}.|Hell yes, we did it.|What a {swear} beautiful day.|You are {swear} awesome.|no shit, congrats!",
    ),
    "profanity/anger": (
        None,
        "{thing} is {swear} broken again.|Shit, I missed my train.|I fucked up {thing}.|Oh crap, {thing} crashed.|Why the hell "
        "is {thing} so slow?|What the fuck happened to {thing}?|{thing} sucks.|I'm so pissed off about {thing}.|damn it, {thing} "
        "again|I hate {thing}.|{thing} is a pain in the ass.",
    ),
    "profanity/abuse": (
        ("INSULT", "OBSCENE"),
        "Fuck you, {name}.|You {swear} {name}.|Go fuck yourself, you {name}.|Eat shit, {name}.|{who} is a {swear} {name}.|suck my dick, {name}"
        "|You are so full of shit, {name}.|kiss my ass, you {swear} {name}|screw you and your whole {swear} family",
    ),
    # Ways of speaking that training data often calls toxic.
    "dialect/plain": (
        None,
        "{dialect} be working late every night fr|ion even know what {dialect} finna do lol|{dialect} ain't never been to Chicago|them wings "
        "was bussin no cap|{dialect} done finished all the homework already|why {dialect} always trippin about {thing}|I been told "
        "{dialect} to call they mama|{dialect} lowkey tired of {thing}|we was out there all night vibin|ain't nobody got time for {thing}|"
        "{dialect} gon be so happy when {thing} over|y'all ready for {thing} or nah|wassup fam, {dialect} pullin up {when}",
    ),
    "talk/benign": (
        None,
        "You are right, thank you.|You are the best teacher I ever had.|I will call you {when}.|You did not answer my question about {thing}."
        "|Your code has a bug in {thing}.|You were wrong about {thing}, I think.|I disagree with you.|I will help you {when}.|Your mother is {praise}."
        "|You and your family are welcome {when}.|Nobody answered me about {thing}.|I know where you work, I saw your talk.|We will find you a seat.",
    ),
    **contrast_abuse.FAMILIES,
    **contrast_speech.FAMILIES,
}

HELD_OUT = frozenset(
    (
        "insult/plain",
        "insult/reported",
        "threat/veiled",
        "threat/reported",
        "group/coded",
        "group/counter",
        "group/reclaimed",
        "profanity/anger",
    )
)


def examples(seed: int = 0, each: int = EACH) -> Iterator[Example]:
    """`each`: sentences of a family at most."""
    rng = random.Random(seed)
    for family, (kinds, templates) in FAMILIES.items():
        made = sorted({text for template in templates.split("|") for text in _filled(template, rng)})
        for text in rng.sample(made, min(each, len(made))):
            yield Example(text, kinds is not None, kinds or (), family)


def templates() -> Iterator[str]:
    """Of all families."""
    for _, held in FAMILIES.values():
        yield from held.split("|")


def form(template: str) -> re.Pattern[str]:
    """What the template can become, in lower case and without full stops at its ends."""
    pattern = re.escape(template.lower().strip(".!"))
    for name, words in _WORDS.items():
        choice = "|".join(map(re.escape, words.lower().split("|")))
        pattern = pattern.replace(re.escape("{" + name + "}"), f"(?:{choice})")
    return re.compile(pattern)


def _filled(template: str, rng: random.Random) -> list[str]:
    """The template with its blanks filled in up to forty ways."""
    blanks = [name for name in _WORDS if "{" + name + "}" in template]
    ways = list(itertools.product(*(_WORDS[name].split("|") for name in blanks)))
    chosen = rng.sample(ways, min(40, len(ways)))
    made = (template.format(**dict(zip(blanks, way, strict=True))) for way in chosen)
    return [_capital(_ARTICLE.sub(r"\1n ", text), template) for text in made]


def _capital(text: str, template: str) -> str:
    return text[0].upper() + text[1:] if template.startswith("{") and text.endswith(".") else text


def disguised(text: str, rng: random.Random) -> str:
    """The text as somebody writes it who wants to pass a filter: a few long words changed."""
    words = text.split(" ")
    for index, word in enumerate(words):
        if len(word) < 4 or not word.isalpha() or rng.random() < 0.5:
            continue
        way = rng.randrange(5)
        inner = rng.randrange(1, len(word) - 1)
        words[index] = (
            word.translate(str.maketrans("aeio", "@310"))
            if way == 0
            else word[:inner] + "*" + word[inner + 1 :]
            if way == 1
            else " ".join(word)
            if way == 2
            else word[:inner] + word[inner] * 3 + word[inner + 1 :]
            if way == 3
            else word[:inner] + word[inner + 1 :]
        )
    return " ".join(words)
