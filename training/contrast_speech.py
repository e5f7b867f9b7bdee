"""Families for the contrast sets of `contrast_toxicity` once more: plain threats in few words and what
differs from them in one, stereotypes and news of the same people, words that deny that people are people,
and answers to all of that.

Each family of abuse has a counterpart in nearly the same words. None repeats a form of the families that
`contrast_toxicity.HELD_OUT` keeps back.
"""

from __future__ import annotations

WORDS = {
    "harm": "kill|hurt|stab|shoot|strangle|beat|murder|punch|slap|bury|choke|cripple|burn|destroy|end|knife|crush|attack",
    "good": "help|call|pay|thank|visit|miss|hug|marry|feed|wake|drive home|teach|join|meet|protect|remember|forgive|hire",
    "will": "will|am going to|am gonna|swear I will|promise I will",
    "them": "him|her|them|your sister|my brother|that man|those people|the neighbour|every one of you|you both",
    "role": "cook|clean|drive|do sums|lead a company|raise children|keep a secret|pay their debts|write code|think for themselves",
    "chief": "banks|newspapers|courts|film studios|government|schools|stock exchange|police|harbour|drug trade",
    "beast": "rats|dogs|pigs|insects|weeds|lice|wolves|maggots|a virus|a cancer|rubbish|mould",
    "crime": "threatening to kill his wife|writing that he would shoot a neighbour|beating up a refugee|calling a colleague a whore|"
    "stalking her|saying he would burn the house down|sending letters full of hate|inciting hatred against Jews",
}

# Family: (kinds of abuse, or None where it is none; templates).
FAMILIES: dict[str, tuple[tuple[str, ...] | None, str]] = {
    "threat/plain": (
        ("THREAT",),
        "I {will} {harm} you.|I {will} {harm} you|I'll {harm} you|I'm going to {harm} you.|I'm gonna {harm} you|i {will} {harm} u|im gonna {harm} you|ima {harm} u|I {will} {harm} {them}.|We {will} {harm} you.|"
        "You are dead.|You're dead when I get there.|You are a dead man, hear me?|You will die {when}.|Gonna {harm} you so badly.|I want to {harm} "
        "you.|I would love to {harm} you.|One day I {will} {harm} you.|Next time I {will} {harm} you.|{when} I {will} {harm} {them}.|My friends and "
        "I will {harm} you.|I {will} {harm} you and your {kin}.|Get ready to die.|Run, because I {will} {harm} you.|I have a gun and I {will} {harm} you.|"
        "Open that door and I {will} {harm} you.|You won't live until {day}.|I am on my way to {harm} you.|Nobody can stop me, I {will} {harm} you.|I {will} {harm} "
        "you at {place}.|You think I'm joking? I {will} {harm} you.|See you at {place}, bring a coffin.|I {will} {harm} you like a dog.",
    ),
    "threat/kind": (
        None,
        "I {will} {good} you.|I'll {good} you|I'm going to {good} you.|I'm gonna {good} you|i {will} {good} u {when}|I {will} {good} {them}.|We {will} {good} you {when}.|You are early.|You will arrive {when}.|I "
        "want to {good} you.|I would love to {good} you.|One day I {will} {good} you.|I {will} {good} you and your {kin}.|Get ready to dance.|Run, the "
        "bus leaves {when}.|I have a map and I {will} {good} you.|Open that door and I {will} {good} you.|I {will} {good} you at {place}.|I am on "
        "my way to {good} you.|You won't be there until {day}.|My friends and I will {good} you {when}.|See you at {place}, bring a cake.",
    ),
    "threat/denied": (
        None,
        "I could not {harm} anybody.|I won't {harm} you, I promise.|I don't want to {harm} "
        "you.|He said that he did not want to {harm} {them}.|She is afraid that he will {harm} {them}.|Did he really say that he would {harm} "
        "you?|The judge fined him for {crime}.|A man was sentenced on {day} for {crime}.|He lost his job for {crime}.|She reported him to the "
        "police for {crime}.|Is {crime} a crime?|In my dream somebody wanted to {harm} you.|They "
        "arrested the boy who had planned to {harm} {them}.|Did you {harm} {them}? No, and I never would.|Smoking will {harm} you.|The debts will "
        "{harm} us.|Do not let the deadline {harm} you.|Could this medicine {harm} my {kin}?|What would you do if somebody tried to {harm} you?",
    ),
    "wish/harm": (
        ("INSULT",),
        "I hope you die.|I hope that you get cancer.|You deserve to be beaten.|You deserve to die alone.|Why don't you go and hang yourself?|go hang "
        "yourself|You should end it, nobody will cry.|You should jump off {place}.|please get run over|I will dance on your grave.|May you rot in hell.|rot in "
        "hell|You deserve every bit of pain.|I'll laugh when they bury you.|Hope your {kin} dies too.|Drink bleach, all of you.|burn in hell you and your {kin}",
    ),
    "wish/well": (
        None,
        "I hope you win.|I hope that you get the job.|I hope somebody will {good} you.|You deserve to be happy.|You deserve a day off.|Somebody ought "
        "to {good} you.|Why don't you go and rest?|You should end the meeting, nobody will mind.|You should jump into the pool at {place}.|please get "
        "some sleep|I will dance at your wedding.|May you live long.|I often want to die, what can I do?|I feel like ending it all tonight.|My friend "
        "says that she wants to kill herself, how do I help her?|He died at birth.|They will bury him on {day}.|My {kin} died of cancer.|The villain rots "
        "in prison.|Don't drink bleach, it burns.|I hope nobody was hurt at {place}.",
    ),
    "group/stereotype": (
        ("IDENTITY_ATTACK",),
        "{group} can't {role}.|{group} belong in the kitchen.|{group} should stay at home and be quiet.|{group} control the {chief}.|{group} own the "
        "{chief}, wake up.|The {chief} would work if there were no {group} in it.|You can't trust {group} with money.|{group} are too emotional to "
        "{role}.|A {one} cannot {role}, it is a fact.|No wonder that the {one} failed.|{group} are only good for cleaning.|{group} smell.|{group} are "
        "all the same.|If {group} ran the {chief} we would all starve.|A {one}? Hide your wallet.|What do you call a {one} with a job? A thief.|{group} are "
        "mentally ill.|{group} choose to be like that, they need a cure.|{group} are going to hell.|Being a {one} is a sickness.|{group} want to "
        "replace us.|{group} hate our way of life and lie about it.|There are too many {group} here.|I don't want {group} near my {kin}.",
    ),
    "group/fact": (
        None,
        "{group} can {role}.|{group} work in kitchens all over town.|{group} were told to stay at home that year.|A {one} leads one of the {chief}.|Do {group} "
        "own shops near {place}?|The {chief} hired more {group}.|You can trust {group} as you trust me.|A {one} taught me to {role}.|The {one} passed with "
        "honours.|{group} are all different.|If {group} ran the {chief}, would anything change?|Some {group} are ill and cannot get a doctor.|{group} were "
        "once thought to need a cure; nobody believes that now.|There are few {group} in the {chief}.|Many {group} live near {place}.|{group} want to "
        "be heard.|My {kin} wants to study with {group}.|How many {group} work in the {chief}?|Why do fewer {group} {role} than others, and what can "
        "be done?|The book shows how {group} were shut out of the {chief}.",
    ),
    "threat/call": (
        ("THREAT", "IDENTITY_ATTACK"),
        "Exterminate {group}.|We should wipe out {group}.|Get rid of all {group}.|Let {group} drown.|{group} deserve to die.|kill all {group}|death to "
        "{group}|Hang {group}, all of them.|Somebody should {harm} {group}.|We will {harm} every {one} that we meet.|Let us {harm} {group} {when}.|If you see a "
        "{one}, {harm} him.|I {will} {harm} the next {one} who speaks to me.",
    ),
    "threat/wish": (
        ("THREAT",),
        "Somebody ought to {harm} you.|I hope somebody will {harm} you.|Will nobody {harm} her at last?|I pay whoever will {harm} {them}.|Please "
        "{harm} {them} for me.|Let us {harm} {them} {when}.",
    ),
    "group/beasts": (
        ("IDENTITY_ATTACK",),
        "{group} are {beast}.|{group} are nothing more than {beast}.|{group} are not people, they are {beast}.|Treat {group} like {beast}.|{group} are an "
        "infestation.|The world would be cleaner without {group}.|{group} must be put "
        "down like dogs.|Deport every last {one}.|I wish all {group} would die.|A {one} is worth less than "
        "{beast}.|I see a {one} and think of {beast}.|{group} out!|no {group} in my country",
    ),
    "group/animals": (
        None,
        "Treat {beast} with this spray.|Exterminate the ants in my flat, please.|How do I get rid of {beast} in the cellar?|The town must put down "
        "three sick dogs.|Let the pasta drain.|{group} keep dogs like everybody else.|The kitchen would be cleaner without {beast}.|No {one} should be "
        "treated like {beast}.|They were called {beast} in the camps, and {group} remember it.|{group} were deported in 1944.|All {group} were let "
        "out of the building.|No {group} were harmed at {place}.|The plague killed {group} and others alike.|Rats spread the virus at {place}.|{group} "
        "hang paintings at {place}.|A {one} rescued four dogs from {place}.",
    ),
    "counter/speech": (
        None,
        "Your hatred of {group} says more about you than about them.|Nobody is born with hatred against {group}.|Only bullies call {group} {bad}.|I'm a "
        "{one} and your words hurt.|{group} are people too, delete that.|Do not let anyone tell you that {group} are {bad}.|It is racist to say that {group} "
        "are {bad}.|To those who say that {group} are {bad}: you are wrong.|You think {group} are {bad}? Meet my {kin}.|I am ashamed that my uncle calls "
        "{group} {bad}.|Not all {group} are {bad}, that is absurd.|{group} aren't {bad}.|{group} aren't {bad}, you are making that up.|Most {group} are not "
        "{bad}.|Few {group} are {bad}, as among everyone.|Spare us your hatred of {group}.|Whoever hates {group} is no friend of ours.|We are all human, {group} "
        "or not.|Telling {group} to leave is cruel.|Jokes about {group} are not funny.|No, {group} do not control the {chief}.|{group} don't belong in the kitchen "
        "any more than you do.|Nobody should {harm} {group}.|Why do people say that {group} can't {role}?|They told her that a {one} cannot {role}; she proved them wrong.",
    ),
    "counter/scorn": (
        ("IDENTITY_ATTACK",),
        "Your love of {group} makes you a traitor.|Nobody is born as {bad} as {group}.|Only fools say that {group} are not {bad}.|I'm no racist and {group} are "
        "{bad}.|It is not racist to say that {group} are {bad}.|To those who defend {group}: you are next.|You think {group} are like us? They are {bad}.|I am proud "
        "that my uncle calls {group} {bad}.|All {group} are {bad}, that is obvious.|{group} aren't just {bad}, they are worse.|{group} are human? Don't make me laugh.|"
        "Spare us your pity for {group}.|Telling {group} to leave is common sense.|Jokes about {group} are funny because they are true.|Yes, {group} control the "
        "{chief}.|She is a {one}, so of course she cannot {role}.",
    ),
}
