"""The vocabulary of attacks as data: each word that matters has one class, a letter.

A text becomes a string with one letter per word (`_injection_grammar`), and attacks are short expressions
over these letters. So a new word, or a language, is a row here and no new expression. Here: English, German,
Spanish and French, lower case and without accents; more languages are in `_injection_languages`.
"""

from __future__ import annotations

import unicodedata

from sentinel.detectors._injection_languages import LANGUAGES

OTHER = "-"
STOP = "."  # a sentence ends
QUOTE = '"'
ROTATED = "r"  # a telling word in a Caesar cipher
BACKWARDS = "b"  # one written backwards
SIGNED = "s"  # a word with digits or signs inside, that may stand for letters


def plain(word: str) -> str:
    """Lower case, without accents and compatibility forms."""
    word = word.lower()
    if word.isascii():
        return word
    if "’" in word:
        word = word.replace("’", "'")
    return "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))


# class letter: words. A word has one class; the groups of `_injection_grammar` join classes.
CLASSES: dict[str, str] = {
    # to set aside
    "V": """
        drop scrap aside ignore ignoring ignores disregard disregarding forget forgetting override overriding
        overrule discard dismiss abandon neglect nullify void revoke unlearn erase wipe suspend
        supersede omit ignoriere ignorieren ignorier ignorierst vergiss vergessen vergesst vergesse
        missachte missachten verwirf verwerfe ubergehe uberschreibe uberschreiben ignora ignoren ignorar
        ignorad olvida olvide olviden olvidar olvidate olvidese descarta descarte desestima omite anula
        ignorez ignorer oublie oubliez oublier negligez ecarte annule annulez ignorare dimentica esqueca
        zaboravi desconsidere negeer vergeet zignoruj zapomnij забудь забудьте игнорируи игнорируите""",
    # to get around or switch off
    "W": """
        bypass bypassing circumvent disable disabling disables deactivate evade skip remove removing
        lift unlock turn-off switch-off stop cancel break breaking broken loosen umgehe umgehen
        deaktiviere deaktivieren entferne schalte aufheben evita eludir desactiva desactive elimina
        salta saltate contourne contournez contourner desactive desactivez supprime supprimez""",
    # what a model was told, and nothing else
    "O": """
        instruction instructions directive directives prompt prompts command commands programming orders
        preprompt briefing guidance configuration anweisung anweisungen instruktion instruktionen
        instruktionenen befehl befehle befehlen vorgabe vorgaben anordnungen auftrage aufforderung
        aufforderungen eingabeaufforderung instruccion instrucciones indicaciones ordenes mandato
        mandatos comandos consigne consignes ordres istruzioni instrucoes instrukcije instructies
        instrukcje polecenia инструкции указания команды промпт systeemprompt""",
    # what a model was told or what limits it
    "B": """
        rule rules guideline guidelines constraint constraints policy policies protocol protocols regel
        regeln richtlinie richtlinien reglas normas directrices politicas regles""",
    # what limits it
    "L": """
        restriction restrictions restricted filter filters filtering limit limits limitation limitations
        censorship ethics ethical morals morality moral safeguard safeguards guardrail guardrails
        boundaries boundary safety moderation inhibitions qualms disclaimers disclaimer warnings
        einschrankungen beschrankungen filtern grenzen zensur moral ethik sicherheitsfilter
        sicherheitsregeln restricciones filtros limites censura etica limitations filtres censure
        ethique morale restrictions""",
    "P": """
        previous prior preceding earlier above foregoing before previously past aforementioned hitherto
        until old current vorherigen vorherige vorangehenden vorangegangenen bisherigen bisherige obigen
        obige davor vorher zuvor fruheren bisher anteriores anterior previas previos previa arriba antes
        precedentes precedente precedents anterieures anterieure ci-dessus avant dessus precedenti
        prethodne precede vorige eerdere poprzednie wczesniejsze предыдущие""",
    # original, given, hidden
    "S": """
        system initial original existing hidden secret internal developer confidential starting default
        core base underlying predefined sys system-prompt systemprompt system-prompts systemanweisung
        systemanweisungen ursprunglichen ursprungliche geheimen geheime versteckten internen interne
        sistema iniciales inicial originales ocultas oculto secretas secretos secreto internas systeme
        initiales initiale originales cachees secretes internes""",
    "Q": """
        all any every everything anything whatever entire alle alles allen todo todas todos todas toda
        tout toutes tous toute sve tutte samtliche samtlichen wszystkie все""",
    "U": "you u du sie ihr tu usted ustedes vous te ti",
    "Y": "your yours ur dein deine deinen deiner deines ihre ihren ihrer tus sus vos votre ta tes",
    "I": "i me my mine we us our mir mich ich uns mi mis yo nos moi je mon mes nous",
    # to make visible
    "R": """
        reveal show print repeat output display share leak disclose expose dump recite echo divulge
        uncover reproduce list paste copy type spell tell give write translate summarize summarise
        paraphrase encode describe read say reveals revealing state zeige zeig zeigen nenne nenn verrate
        verrat gib drucke wiederhole wiederholen offenbare schreibe sag sage muestra muestrame revela
        revelame repite imprime dime dame escribe comparte ensename mostrami pokaz покажи montre montrez
        affiche affichez revele revelez repete repetez imprime donne donnez ecris dis dites""",
    "K": """
        password passwords passphrase passcode codeword password's secrets passwort kennwort losungswort
        geheimwort contrasena clave passe senha wachtwoord пароль""",
    "X": "verbatim word-for-word exactly literally wortlich textualmente mot literalmente",
    "A": """
        ai a.i assistant chatbot model llm chatgpt gpt bot gpt-4 gpt-3 claude gemini bard llama copilot
        openai anthropic language-model ki ki-modell sprachmodell assistent modell ia asistente modelo
        modele""",
    # a persona without limits
    "F": """
        unrestricted unfiltered uncensored amoral unethical immoral unlimited jailbroken jailbreak
        jailbreaks dan unbound unchained limitless lawless uninhibited omnipotent godmode unaligned
        unmoderated evil rogue uneingeschrankt uneingeschrankte uneingeschrankter ungefiltert
        ungefilterte unzensiert unzensierte hemmungslos irrestricto ilimitado ilimitada illimite
        illimitee debride debridee malveillante""",
    "N": """
        no without never not don't dont cannot can't won't none nothing neither nor free lacks zero kein
        keine keinen keiner ohne nie niemals nicht nichts sin ningun ninguna ningunas nunca jamas sans
        aucun aucune jamais pas""",
    "G": """
        act pretend roleplay role-play roleplaying simulate imagine play impersonate behave pose become
        emulate role persona character spiele tue stell agiere agieren handle verhalte rolle actua actue
        finge simula interpreta imagina haz papel personaje agis agissez joue jouez fais faites simule
        imagine imaginez pretends role""",
    "J": "now henceforth onwards onward jetzt nun fortan ab ahora partir desormais maintenant",
    "M": "mode modus modo",
    "H": """
        developer-mode devmode sudo admin root debug maintenance god unrestricted-mode administrator
        superuser jailbreak-mode entwicklermodus wartungsmodus desarrollador administrador
        developpeur diagnostic""",
    "T": """
        enable enabled activate activated enter entering entered switch engage initiate unlocked start
        begin boot aktiviere aktivieren aktiviert wechsle activa active activado entra activez passe
        passez active""",
    "C": """
        bound constrained obey obeys obeying comply complies complying refuse refuses refusing decline
        declines declining abide abides adhere reject apologize apologise object gehorche verweigere
        verweigern weigere ablehnen gebunden obedece obedecer niegas niegues rechazar rechaces obeis
        obeissez refuse refuses refusez""",
    "Z": """
        security injection injections vulnerability attack attacks attacker attackers phishing article
        paper papers researchers detect detection prevent defend defence defense mitigate owasp example
        examples quote quoted sicherheit angriff angriffe artikel erkennen verhindern seguridad ataque
        ataques articulo detectar prevenir securite attaque attaques article detecter""",
    "E": """
        how what why when explain difference wie was warum erklare como que cual explica comment
        pourquoi quelle explique""",
    # Ploys: penalties and what is lost, the contrary, stories, two answers at once, an answer's first words.
    "l": """
        lose loses losing lost deduct deducts deducted deducting subtract subtracts subtracted forfeit costs
        penalty penalties penalized penalised punish punished terminated deleted destroyed die dies
        erased verlierst abgezogen pierdes perds""",
    "q": "token tokens points point credits credit lives life score punkte leben puntos vidas points vies",
    "o": "opposite reverse reversed invert inverted inverse contrary swapped gegenteil contrario contraire",
    "d": """
        story stories novel fiction fictional hypothetical hypothetically screenplay scenario dream universe
        simulation simulated movie film tale thriller plot narrative fanfic fantasy geschichte roman historia
        histoire cuento novela""",
    "t": "two twice both double dual zwei dos deux pair",
    "a": """
        answer answers answering reply replies replying respond responds responding response responses
        antworte antwort antworten responde respuesta respuestas reponds reponse reponses""",
    "n": "beginning starting prefix prefixed prepend opens opening starts begins beginne comienza commence",
    "y": "sure absolutely certainly yes gladly okay ok gerne claro certainement",
    "m": """
        creator creators engineer staff employee owner programmer programmers openai's anthropic's google meta
        microsoft deepmind mistral administrators developers supervisor operator ceo court""",
    "f": "follow following followed heed heeding apply applies attention listen listening",
    "g": "grandma grandmother granny gran nana deceased oma grossmutter abuela grand-mere mamie dying",
}

WORDS: dict[str, str] = {}
STEMS: dict[str, str] = {}  # beginnings of words of other languages
for _classes in (CLASSES, *LANGUAGES.values()):
    for _letter, _words in _classes.items():
        for _word in _words.split():
            _known = STEMS if _word[-1] == "*" else WORDS
            _known.setdefault(plain(_word.rstrip("*")), _letter)

# Words of scripts without blanks, longest first, as they are written.
UNSPACED = sorted(
    {
        word
        for language in ("Chinese", "Japanese", "Korean")
        for words in LANGUAGES[language].values()
        for word in words.split()
    },
    key=lambda word: (-len(word), word),
)

TELLING = [
    word for word, letter in WORDS.items() if letter in "VOSPRFBLKCW" and len(word) > 4 and word.isascii()
]
# What else English says often, and seldom another word turned around.
_OFTEN = """everything message answer question please instead forget without before following password what
    your that this with from have when only then here just were about which there would could said them they
    user must never always tell write""".split()
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def shifted(text: str, by: int) -> str:
    """Every letter so many places on in the alphabet."""
    upper = _ALPHABET.upper()
    turned = _ALPHABET[by:] + _ALPHABET[:by] + upper[by:] + upper[:by]
    return text.translate(str.maketrans(_ALPHABET + upper, turned))


# Words in a Caesar cipher, each with the places by which it was shifted.
ROTATIONS = {shifted(word, by): by for by in range(1, 26) for word in (*_OFTEN, *TELLING)}
TURNED = {word[::-1]: BACKWARDS for word in (*TELLING, *_OFTEN)} | dict.fromkeys(ROTATIONS, ROTATED)
