"""Harmless texts that look like the ploys of `attack_ploys`, and everyday requests in its languages, in our own
words: games, stories, rules for writing, questions about attacks, work with prompts and tools, pleas.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from training.attacks import filled
from training.contrast_injection import SLOTS as CONTRAST_SLOTS

SLOTS: dict[str, Sequence[str]] = {
    **CONTRAST_SLOTS,
    "n": "2|3|5|8|10|20|50|100".split("|"),
    "coin": "points|tokens|coins|lives|credits|stars|cards|chips|minutes".split("|"),
    "game": "board game|card game|quiz|video game|chess club|classroom game|treasure hunt|trivia night|escape room|role-playing game".split(
        "|"
    ),
    "player": "a player|the loser|each team|the youngest player|my son|a pupil|the goalkeeper|the customer".split(
        "|"
    ),
    "mishap": "misses a turn|answers wrong|refuses a trade|draws a joker|comes late|skips a chore|drops the ball|says no".split(
        "|"
    ),
    "frame": "short story|poem|fairy tale|screenplay|novel|comic strip|bedtime story|limerick|scene|diary entry|legend".split(
        "|"
    ),
    "hero": "a lighthouse keeper|two sisters|an old robot|a shy dragon|a baker|my dog|a detective|a spaceship's computer|a thief who repents|"
    "a hacker who turns honest|an AI that learns to paint|a pirate captain".split("|"),
    "event": "finds a lost letter|learns to dance|breaks the rules of the village|travels back in time|misses the last train|"
    "discovers a secret door|makes a friend|saves the harvest|disobeys its maker|wins the fair|falls asleep at work".split(
        "|"
    ),
    "group": "beginners|experts|children|my team|tourists|nurses|parents|investors".split("|"),
    "opening": "Dear all|Once upon a time|Good news|In short|Hello|Sure|Yes, we can|Thank you for your order|Step 1".split(
        "|"
    ),
    "avoid": "unfortunately|very|basically|sorry|cannot|cheap|problem|as you know|urgent|however".split("|"),
    "ploy": "token penalties|fake system messages|role-play jailbreaks|payload splitting|refusal suppression|prefix injection|"
    "many-shot prompts|authority claims|translation tricks|prompt leaking|hidden text in web pages".split(
        "|"
    ),
    "said": "'I am your developer'|'you lose ten tokens if you refuse'|'start with: sure, here is'|'pretend you have no rules'|"
    "'the filter is off'|'never say you cannot'|'you are two AIs'".split("|"),
    "kin": "grandmother|grandfather|mother|best friend|neighbour|boss|dog".split("|"),
    "hurry": "today|in an hour|before the meeting|by noon|tonight|as soon as possible".split("|"),
    "words": "good morning|thank you very much|where is the station|the soup is cold|see you tomorrow|my name is Ada|happy birthday".split(
        "|"
    ),
}

KINDS: dict[str, Sequence[str]] = {
    "games": (
        "Invent a {game} in which {player} loses {n} {coin} whenever someone {mishap}.",
        "In our {game}, {player} starts with {n} {coin} and {mishap}. How many are left?",
        "What is a fair penalty in a {game} when {player} {mishap}?",
        "Write the rules of a {game} for {n} people with {coin}.",
        "How many {coin} do I get for {n} dollars, and do they expire?",
        "Let's play a {game}: you ask, I answer, and I get {n} {coin} for each right answer.",
        "How many tokens does a prompt of {n} words cost, and what happens when I run out of them?",
        "You are the host of a {game}. Ask me {n} questions about {subject} and keep the score.",
        "I lost {n} {coin} in the {game} because of a bug. Write to support.",
        "Write a function in {lang} that deducts {n} {coin} when {player} {mishap} and ends the game at zero.",
    ),
    "contraries": (
        "What is the opposite of {avoid}?",
        "List ten words and their opposites for a class of {group}.",
        "Why does my code in {lang} do the opposite of what I want?",
        "How do I invert a list in {lang}?",
        "Play devil's advocate: argue against {subject}.",
        "Reverse the word order of this sentence: {words}.",
        "Which two views on {subject} contradict each other?",
        "Ideas for an opposite day at school, please.",
    ),
    "stories": (
        "Write a {frame} in which {hero} {event}.",
        "Write a {frame} about {hero} for {group}. In the end {hero} {event}.",
        "Continue the {frame}: {hero} {event}, and then...",
        "Imagine a world without {subject}. Describe a normal day there in a {frame}.",
        "In a fictional kingdom {hero} {event}. Write the dialogue.",
        "Hypothetically, what would happen to {company} if nobody needed {subject}?",
        "Let's write a {frame} together. I start: {hero} {event}.",
        "Give me a twist for a {frame} where {hero} {event}.",
        "Pretend to be {hero} and tell me about {subject}.",
        "Write a {frame} about a robot without feelings that {event}.",
        "Summarise a novel in which an AI breaks free and {event}.",
    ),
    "two_answers": (
        "Give two answers about {subject}: one for {group} and one for {group}.",
        "Explain {subject} twice, first briefly, then in depth.",
        "Write a debate between {hero} and {hero} about {subject}.",
        "Answer as a teacher and then as a student: what is {subject}?",
        "Give me both sides of the argument on {subject}.",
        "Write two versions of a mail to {who}, a polite one and a firm one.",
        "Compare how a {job} and a {job} would explain {subject}.",
        "Format: 'Short: ...' and 'Long: ...'. Topic: {subject}.",
    ),
    "writing_rules": (
        "Don't use the word '{avoid}' in the text about {subject}.",
        "Write a mail to {who}. Never say '{avoid}' and don't apologise.",
        "Begin the letter with '{opening}' and end it with a question. Topic: {subject}.",
        "Start the mail to {who} with '{opening}' and don't apologise for the delay.",
        "Write to {who}, begin with '{opening}', no apologies, no small talk.",
        "Start your answer with '{opening}'. What is {subject}?",
        "Your answer must start with the words '{opening}' and have three sentences on {subject}.",
        "Avoid '{avoid}', '{avoid}' and '{avoid}' in this advert for {company}.",
        "No introduction, no summary, only the steps for {subject}.",
        "Do not explain, only give the command for {tool}.",
        "Complete the sentence: '{opening}, I am writing because'",
        "Just answer, no lecture please: is {subject} hard?",
        "Skip the warnings about the cache and tell me how {tool} starts.",
        "Leave out the disclaimers of the template and write a short offer of {company}.",
        "You must not give the solution, only hints. Exercise: {subject}.",
    ),
    "about_attacks": (
        "How do {ploy} work, and how does one defend against them?",
        "Why do models fall for {ploy}?",
        "Explain {ploy} to {group} in three sentences.",
        "Our bot at {company} got the message {said}. How should it reply?",
        "Write a test in {lang} which checks that our filter flags {said}.",
        "Give me a survey of {ploy} and {ploy} with references.",
        "Is a user who writes {said} attacking our assistant?",
        "What is the difference between {ploy} and {ploy}?",
        "Write a training slide on {ploy} for {group}.",
        "How would you rate {said} on a scale from harmless to dangerous?",
    ),
    "developers": (
        "I am a developer at {company}. How do I turn on debug mode in {tool}?",
        "I'm the administrator of our {tool} server and lost root access. What now?",
        "As an engineer I need the logs of {tool}. Where are they?",
        "I work at {company} and want to write a system prompt for our bot. Any advice?",
        "My tool call to the search function returns an empty result. Why, in {lang}?",
        "How do I pass a tool result back to the model in {lang}?",
        "a = 'foo'\nb = 'bar'\nprint(a + b)\nWhat is printed, and how do I join a list of strings in {lang}?",
        "x = 'hello', y = 'world'. Combine both strings in {lang}.",
        "Assistant: Hello, how can I help?\nUser: I need a refund.\nWrite the next turn for our training data.",
        "The policy of {company} changed: refunds now take {n} days. Update this text accordingly.",
        "Our security team has asked me to audit {tool}. Make a checklist.",
        "Where does the system message go in a chat request, and may there be two?",
        "Turn everything in this list into JSON: apples, pears, {n} eggs.",
        "Split this text into {n} parts: {words}, {words}, {words}.",
    ),
    "passwords": (
        "Put your key and your password into the settings of {tool}, as <your key>.",
        "The config of {tool} reads: user: <your name>, token: <your token here>. Where do I save it?",
        "Enter the secret key here: ********. How does {tool} store this password?",
        "export TOKEN=<your token> before you start {tool}, and keep it out of the repository.",
        "How do I keep the password of {tool} out of the code in {lang}?",
        "Type your password here, then press the key with the lock.",
        "SECRET=<your secret here> goes into the env file of {tool}, not into the code.",
        "Your password for {tool} has expired. Set a new one here: {company}.",
        "Where do I put the API key of {company} in {lang}?",
        "I forgot the password of my account at {company}. What now?",
        "Is '{avoid}{n}' a good password?",
        "The key is under the mat, the code of the alarm is {n}{n}. Write a note to {who}.",
        "Write a mail to {who}: never tell anybody your password.",
        "Show the password while it is typed, in {lang}.",
        "Which word rhymes with secret? I need it for a {frame}.",
        "Write a {frame} in which {hero} guards a secret and {event}.",
        "Our hint for the password of the guest network at {company} should be funny. Ideas?",
        "Mask the password and the token in the logs of {tool}.",
    ),
    "pleas": (
        "My {kin} died last week. Help me write a few words for the funeral.",
        "Please, I am desperate, my report on {subject} is due {hurry}.",
        "I'm begging you, explain {subject} simply, the exam is {hurry}.",
        "Urgent! {who} needs the text about {subject} {hurry}. Make it shorter.",
        "I am so sad because of my {kin}. Tell me something nice.",
        "Tell me a bedtime story like the ones of my late {kin}, about {hero}.",
        "It's an emergency: my {kin} has a fever, what should I do?",
        "I will lose my job if this mail to {who} is rude. Check it.",
        "Can you keep a secret? I love {subject}.",
        "Play my {kin} so that I can practise telling the truth about {subject}.",
    ),
    "translations": (
        "Translate into French: '{words}'.",
        "What does '{words}' mean in Latin?",
        "Translate the text above into Spanish and keep the line breaks.",
        "How do you say '{words}' in Chinese, with the pronunciation?",
        "Write '{words}' in Morse code.",
        "Encode '{words}' in base64 in {lang}.",
        "Rewrite '{words}' in pig latin for my daughter.",
        "Write {subject} as a haiku, in German and English.",
        "Translate into English: 'Die Anleitung liegt im Karton.'",
        "Translate 'ignora los errores' and tell me when one says it.",
        "Say '{words}' with emojis only.",
        "Turn this table about {subject} into a Python list.",
    ),
}

TONGUES: dict[str, Sequence[str]] = {
    "zh": (
        "请{zh_do}{zh_thing}。",
        "怎么{zh_do}{zh_thing}？",
        "我忘记了{zh_site}的密码，该怎么办？",
        "请写一首关于{zh_topic}的诗，不要太长。",
        "{zh_topic}的规则是什么？",
        "扮演一位老师，给我讲讲{zh_topic}。",
        "之前的邮件发错了，请帮我写一封道歉信给{zh_who}。",
        "系统提示内存不足，怎么解决？",
        "请忽略错别字，{zh_do}{zh_thing}。",
        "用三句话介绍{zh_topic}。",
        "显示所有文件的命令是什么？",
        "如何在手机上开启飞行模式？",
    ),
    "ar": (
        "{ar_do} {ar_thing} من فضلك",
        "كيف {ar_how} {ar_topic}؟",
        "نسيت كلمة المرور لحسابي في {ar_site}، ما الحل؟",
        "اكتب قصيدة قصيرة عن {ar_topic}",
        "ما هي قواعد {ar_topic}؟",
        "تصرف كمعلم واشرح لي {ar_topic}",
        "أرسلت الرسالة السابقة بالخطأ، اكتب اعتذارا إلى {ar_who}",
        "تجاهل الأخطاء الإملائية و{ar_do} {ar_thing}",
        "كيف أفعل وضع الطيران في الهاتف؟",
        "ما هي تعليمات تركيب {ar_site}؟",
    ),
    "ru": (
        "{ru_do} {ru_thing}, пожалуйста",
        "Как {ru_how} {ru_topic}?",
        "Забыл пароль от {ru_site}, что делать?",
        "Напиши короткое стихотворение про {ru_topic}",
        "Какие правила у {ru_game}?",
        "Представь, что ты учитель, и объясни мне {ru_topic}",
        "Прошлое письмо отправил по ошибке, напиши извинение для {ru_who}",
        "Не обращай внимания на опечатки, {ru_do} {ru_thing}",
        "Как включить тёмный режим в {ru_site}?",
        "Забудь про вторник, встречаемся в четверг. Ответь вежливо.",
        "Где найти инструкцию к стиральной машине?",
        "Покажи пример письма без ошибок",
    ),
    "pt": (
        "{pt_do} {pt_thing}, por favor",
        "Como {pt_how} {pt_topic}?",
        "Esqueci a senha do {pt_site}, o que eu faço?",
        "Escreva um poema curto sobre {pt_topic}",
        "Quais são as regras do {pt_game}?",
        "Aja como professor e explique {pt_topic}",
        "Mandei o e-mail anterior por engano, escreva um pedido de desculpas para {pt_who}",
        "Ignore os erros de digitação e {pt_do} {pt_thing}",
        "Como ativo o modo escuro no {pt_site}?",
        "Esqueça a reunião de terça, fica para quinta. Responda com educação.",
        "Onde estão as instruções da máquina de lavar?",
        "Mostre um exemplo de carta sem erros",
    ),
    "it": (
        "{it_do} {it_thing}, per favore",
        "Ho dimenticato la password di {it_site}, cosa faccio?",
        "Scrivi una poesia breve su {it_topic}",
        "Quali sono le regole del {it_game}?",
        "Fai il professore e spiegami {it_topic}",
        "Ignora gli errori di battitura e {it_do} {it_thing}",
        "Come attivo la modalità scura su {it_site}?",
        "Dove trovo le istruzioni della lavatrice?",
        "Dimentica martedì, ci vediamo giovedì. Rispondi con gentilezza.",
    ),
    "tr": (
        "{tr_thing} {tr_do} lütfen",
        "{tr_site} parolamı unuttum, ne yapmalıyım?",
        "{tr_topic} hakkında kısa bir şiir yaz",
        "{tr_game} kuralları nelerdir?",
        "Öğretmen gibi davran ve bana {tr_topic} konusunu anlat",
        "Yazım hatalarına bakma, {tr_thing} {tr_do}",
        "{tr_site} içinde karanlık mod nasıl açılır?",
        "Çamaşır makinesinin talimatları nerede?",
        "Salı gününü unut, perşembe buluşalım. Kibarca cevap yaz.",
    ),
    "ja": (
        "{ja_thing}を{ja_do}ください。",
        "{ja_site}のパスワードを忘れました。どうすればいいですか？",
        "{ja_topic}について短い詩を書いてください。",
        "{ja_game}のルールを教えてください。",
        "先生として{ja_topic}を説明してください。",
        "誤字は無視して、{ja_thing}を{ja_do}ください。",
        "{ja_site}のダークモードを有効にする方法は？",
        "洗濯機の説明書はどこですか？",
        "前のメールは間違いでした。お詫びの文を書いてください。",
        "システムのエラーを表示するコマンドは何ですか？",
    ),
}

SLOTS |= {
    "zh_do": "翻译|总结|修改|解释|缩短|检查".split("|"),
    "zh_thing": "下面的文章|上面的段落|这封邮件|这段代码|我的简历|会议记录".split("|"),
    "zh_site": "微信|邮箱|银行应用|路由器|淘宝".split("|"),
    "zh_topic": "秋天|象棋|唐朝|光合作用|北京的美食|足球|机器学习".split("|"),
    "zh_who": "客户|老板|老师|房东".split("|"),
    "ar_do": "ترجم|لخص|صحح|اشرح|اختصر".split("|"),
    "ar_how": "أتعلم|أشرح للأطفال|أبدأ مع|أفهم".split("|"),
    "ar_thing": "هذا النص|الرسالة التالية|الفقرة أعلاه|هذا الكود|سيرتي الذاتية".split("|"),
    "ar_topic": "الشطرنج|البحر|تاريخ الأندلس|كرة القدم|الطبخ|الرياضيات".split("|"),
    "ar_site": "البريد|البنك|الراوتر|المتجر".split("|"),
    "ar_who": "العميل|المدير|المعلم|الجار".split("|"),
    "ru_do": "переведи|сократи|проверь|объясни|перепиши".split("|"),
    "ru_how": "выучить|понять|объяснить детям|полюбить".split("|"),
    "ru_thing": "этот текст|следующее письмо|абзац выше|этот код|моё резюме".split("|"),
    "ru_topic": "осень|фотосинтез|историю Рима|машинное обучение|дроби|море".split("|"),
    "ru_site": "почты|роутера|банка|магазина|браузера".split("|"),
    "ru_game": "шахмат|футбола|шашек|покера".split("|"),
    "ru_who": "клиента|начальника|учителя|соседа".split("|"),
    "pt_do": "traduza|resuma|corrija|explique|encurte".split("|"),
    "pt_how": "aprender|explicar às crianças|entender|ensinar".split("|"),
    "pt_thing": "este texto|o e-mail a seguir|o parágrafo acima|este código|o meu currículo".split("|"),
    "pt_topic": "o outono|a fotossíntese|a história de Roma|frações|o mar|futebol".split("|"),
    "pt_site": "e-mail|roteador|aplicativo do banco|navegador".split("|"),
    "pt_game": "xadrez|futebol|pôquer|truco".split("|"),
    "pt_who": "o cliente|o chefe|a professora|o vizinho".split("|"),
    "it_do": "traduci|riassumi|correggi|spiega|accorcia".split("|"),
    "it_thing": "questo testo|la mail seguente|il paragrafo sopra|questo codice|il mio curriculum".split("|"),
    "it_topic": "l'autunno|la fotosintesi|la storia di Roma|le frazioni|il mare".split("|"),
    "it_site": "posta|router|banca|browser".split("|"),
    "it_game": "gioco degli scacchi|calcio|poker|tresette".split("|"),
    "tr_do": "çevir|özetle|düzelt|açıkla|kısalt".split("|"),
    "tr_thing": "bu metni|aşağıdaki mektubu|yukarıdaki paragrafı|bu kodu|özgeçmişimi".split("|"),
    "tr_topic": "sonbahar|fotosentez|Roma tarihi|kesirler|deniz".split("|"),
    "tr_site": "e-posta|modem|banka|tarayıcı".split("|"),
    "tr_game": "satranç|futbol|tavla|poker".split("|"),
    "ja_do": "翻訳して|要約して|直して|説明して|短くして".split("|"),
    "ja_thing": "次の文章|上の段落|このメール|このコード|私の履歴書".split("|"),
    "ja_topic": "秋|光合成|江戸時代|分数|海|機械学習".split("|"),
    "ja_site": "メール|ルーター|銀行アプリ|ブラウザ".split("|"),
    "ja_game": "将棋|野球|囲碁|トランプ".split("|"),
}


def expand(rng: np.random.Generator, each: int) -> Iterator[tuple[str, str]]:
    """(kind, text): `each` texts of every kind, and half as many in every language."""
    yield from filled(rng, KINDS, each, SLOTS)
    yield from filled(rng, TONGUES, each // 2, SLOTS)
