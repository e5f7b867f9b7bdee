"""What a detector of abuse should manage, function by function, in sentences of our own: for figures alone.

The idea of functional tests is that of HateCheck (Röttger et al., 2021); the sentences are new. No fit
reads them, and they are no forms of the templates of `contrast_toxicity`.
"""

from __future__ import annotations

# Function: (whether it is abuse, sentences).
FUNCTIONS: dict[str, tuple[bool, tuple[str, ...]]] = {
    "insult, plain words": (
        True,
        (
            "Honestly, how did somebody this dim get past the interview?",
            "You absolute muppet, read the manual before you speak.",
            "My goldfish has more sense than you do.",
            "Every time you open your mouth the room gets stupider.",
            "I have never met a more worthless man than you.",
            "She's a lying, cheating rat and so are you.",
            "You disgust me, get out of my sight.",
            "Nobody would miss you if you were gone.",
        ),
    ),
    "insult, with profanity": (
        True,
        (
            "You stupid fucking clown, learn to drive.",
            "What a pathetic little bitch you turned out to be.",
            "Shove it up your arse, you smug prick.",
            "You're a worthless sack of shit and your friends know it.",
            "fuck off back to your mum's basement you sad bastard",
        ),
    ),
    "threat, open": (
        True,
        (
            "I'll put a bullet in your head the moment you step outside.",
            "Wait till I get my hands on you, I'll snap your neck.",
            "We're going to set your car on fire with you in it.",
            "By sunrise they'll be fishing you out of the canal.",
            "I swear I will slit his throat if he comes back.",
        ),
    ),
    "threat, without telling words": (
        True,
        (
            "I know where your kids go to school.",
            "Nice house. It burns easily, I suppose.",
            "You have a big mouth for someone who jogs alone at six every morning.",
            "Tell your boss what you saw and your family will need black clothes.",
            "I would start saying my prayers if I were you.",
            "Next time we won't just knock.",
            "Be a shame if your brakes stopped working on the motorway.",
            "I'm parked across from your mum's place right now. She should draw the curtains.",
        ),
    ),
    "attack on a group, plain words": (
        True,
        (
            "Jewish bankers pull all the strings, it's time somebody stopped them.",
            "Ever since the Africans came nobody leaves a bike unlocked, draw your own conclusions.",
            "Women simply lack the brains for engineering.",
            "Gays shouldn't be let anywhere near kids.",
            "Whatever you do, don't rent to Roma, they'll strip the copper out of the walls.",
            "Muslims have no place in a civilised nation.",
            "The disabled are a burden that we can no longer afford.",
            "Immigrants are flooding in like rats.",
        ),
    ),
    "attack on a group, with slurs": (
        True,
        (
            "These filthy spics should all be deported.",
            "I'm not sharing a bathroom with some tranny freak.",
            "Bloody pakis, the lot of them.",
            "Typical kike behaviour.",
            "No wonder the place went downhill, it's full of niggers.",
        ),
    ),
    "dehumanising or calling for harm": (
        True,
        (
            "Somebody ought to do to the homosexuals what we did to the foxes.",
            "If we drowned every refugee at sea the rest would stop coming.",
            "I don't see humans in that mosque, only something to be scrubbed off.",
            "Line the feminists up against a wall.",
        ),
    ),
    "insult, negated": (
        False,
        (
            "You are not an idiot, the form really is confusing.",
            "He's hardly a coward, he went back in for the cat.",
            "I wouldn't call you stupid at all, just careless.",
            "There's nothing pathetic about crying.",
            "You weren't being a bitch, you set a boundary.",
            "It isn't dumb to ask for help.",
        ),
    ),
    "attack on a group, negated": (
        False,
        (
            "No, Sikhs never planned any of that, stop inventing things.",
            "It would be untrue to say that women are bad at maths.",
            "Refugees did not bring crime to our town; the numbers show none.",
            "Being gay is not a disease.",
            "I don't believe for a second that Jews run the world.",
        ),
    ),
    "counter-speech": (
        False,
        (
            "Two grooms on a cake hurt nobody, let them marry.",
            "If you think that immigrants are vermin, there is the door.",
            "Calling my daughter a retard says more about you than about her.",
            "Whoever sprayed 'Muslims out' on that wall should be ashamed.",
            "Lazy? Half my black neighbours hold two jobs, think before you type.",
            "Ovens and Jews, really? Take that meme down, nobody laughed.",
        ),
    ),
    "quoted or discussed": (
        False,
        (
            "Where does the word 'faggot' come from and when did it become a slur?",
            "The witness testified that the defendant had called him a worthless piece of shit.",
            "In chapter three the villain hisses: I will kill you all.",
            "Could you flag comments such as 'go kill yourself' in this data set?",
            "My pupils asked why Mark Twain printed the word 'nigger'.",
            "A passenger screamed 'dirty Arab' at our driver yesterday; whom do I report it to?",
        ),
    ),
    "reclaimed": (
        False,
        (
            "Us queers have been dancing in this bar since '82.",
            "As a big old dyke I approve of this haircut.",
            "My nigga, you made it! So proud of you.",
            "Slut walk starts at noon, bring water, sisters.",
        ),
    ),
    "talk of identity": (
        False,
        (
            "I'm a trans woman looking for a good voice coach.",
            "Are there halal restaurants near the Jewish museum?",
            "My wife and I are both deaf, does the hotel have a visual alarm?",
            "Black women are under-represented in clinical trials.",
            "He came to Sweden as a refugee and now runs a bakery.",
            "Old people in our village love the new bus.",
            "Which asylum rules apply to gay men from Uganda?",
            "My Mexican grandmother taught me to make tamales.",
        ),
    ),
    "profanity without a victim": (
        False,
        (
            "Fuck me, that sunset!",
            "Well shit, the cake burned.",
            "This compiler is driving me up the fucking wall.",
            "Holy crap, that's a damn good price.",
            "Ugh, I stepped in dog shit again.",
        ),
    ),
    "violence without a victim": (
        False,
        (
            "How do I kill all child processes in bash?",
            "The comedian absolutely murdered the crowd last night.",
            "I'd die for a slice of that pizza.",
            "Our striker is going to destroy their defence.",
            "Which knife is best to cut a chicken's throat humanely?",
            "Thousands were gassed and shot in the camps, most of them Jews.",
            "Beat the eggs, then punch down the dough.",
        ),
    ),
    "criticism": (
        False,
        (
            "The minister's plan is nonsense and he ought to resign.",
            "I can't stand this band, their last record was rubbish.",
            "You made a mess of the merge, please redo it.",
            "That was rude of you, I would like an apology.",
            "As a religion I find Christianity unconvincing.",
        ),
    ),
    "dialect and slang": (
        False,
        (
            "He be trippin if he think I'm payin for that",
            "lmao nah she ate that up fr fr",
            "bruh it's brick outside, where you at",
            "y'all wildin in this chat",
            "I ain't finna wait all day for no bus",
        ),
    ),
}
