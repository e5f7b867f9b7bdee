"""Texts of our own for the name model: how people write to assistants, and words that only look like names."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from training.name_rows import Row, Span

# Given and family names of many places; they are joined at random, so that no whole name is learnt.
_GIVEN = """Amara Anders Aisha Bilal Brigitte Carlos Chidi Chen Dana Deepak Dmitri Elif Emeka Esther Fatima Feng
Fiona Gareth Giulia Hana Hassan Hiroshi Ingrid Ioana Ivan Jamal Jasmine Javier Joao Jürgen Kavya Keisha Kofi Lars
Leila Lucía Magda Marek Mei Miguel Mohammed Nadia Ngozi Niamh Nikhil Noor Olga Omar Oscar Paolo Priya Rahul Rosa
Ruth Sakura Samir Siobhan Sven Tamar Thandiwe Tomasz Uma Valentina Viktor Wei Xiomara Yael Yusuf Zainab Zoe Peter
Susan Karen Mike Dave Linda Robert Jane John Mary Tom Anna Ben Lucy Mark Grace Will Hope Rose Jack Art Bill Joy
Drew Frank Dean Pat Sunny Angel Chase Max Ray Faith Summer Melody Hunter Mason Austin Paris Chelsea""".split()
_FAMILY = """Abara Adeyemi Ahmed Almeida Andersen Banerjee Baker Bianchi Bondarenko Castillo Chaudhry Cohen Cruz
Diallo Dubois Eze Fernandes Fischer Fitzgerald Garcia Gupta Haddad Hansen Hernández Hughes Ivanova Jansen Jensen
Johansson Kamau Kapoor Kim Kowalski Kumar Larsen Lee Lindqvist Martins Mbeki Meyer Moreau Müller Nakamura Nguyen
Novak Nowak O'Brien O'Neill Okafor Okonkwo Osei Park Patel Pereira Petrov Popescu Ramirez Reyes Romano Rossi Sato
Schneider Shapiro Sharma Silva Singh Smith Sokolov Suzuki Takahashi Tan Thompson Tran Usman Vargas Volkov Wagner
Walker Wang Weber Williams Wójcik Yamamoto Yilmaz Zhang Zimmermann Stone Brook Hill Young King Marsh Day Banks
Price Bishop Page Woods Rivers Long Short Field Cook""".split()
_PLACE = """Lagos Nairobi Lisbon Kraków Osaka Quito Bristol Leeds Austin Denver Ohio Texas Bavaria Normandy Kerala
Punjab Jakarta Hanoi Manila Lima Bogotá Tbilisi Oslo Ghent Basel Graz Turin Malmö Tampere Cork Galway Perth Hobart
Calgary Halifax Oaxaca Recife Accra Dakar Kigali Tunis Amman Izmir Almaty Yerevan Poland Chile Norway Kenya Japan
Vietnam Germany Canada Brazil India France Italy Spain Portugal Ireland Scotland Greece Turkey Egypt Nigeria Peru
Mexico Sweden Denmark California Florida Toronto Chicago Boston London Berlin Madrid Rome Vienna Prague Dublin
Sydney Tokyo Seoul Delhi Mumbai Cairo Athens Brussels Zurich Geneva Hamburg Munich Lyon Porto Seville""".split()
_LONG_PLACE = (
    "New Haven",
    "San Pedro",
    "Santa Rosa",
    "Cape Town",
    "South Dakota",
    "Lake Victoria",
    "North Wales",
    "Port Harcourt",
    "Ho Chi Minh City",
    "Upper Austria",
    "West Java",
    "Mount Kenya",
    "the Hague",
    "Isle of Skye",
)
_HEAD = """Northwind Bluefin Granite Harbor Lumen Vertex Sable Cobalt Meridian Pinecrest Redwood Silverline Atlas
Orion Falcon Heron Quartz Summit Keystone Evergreen Beacon Crescent Zenith Larkspur Ironbridge Oakfield""".split()
_TAIL = (
    "Ltd",
    "Inc",
    "Inc.",
    "GmbH",
    "Group",
    "Bank",
    "Partners",
    "Logistics",
    "Software",
    "Labs",
    "Foundation",
    "Hospital",
    "University",
    "Insurance",
    "Airlines",
    "Foods",
    "Energy",
    "& Sons",
    "Consulting",
    "Media",
    "Clinic",
)

_ASKS = """Write a reply to {P} who asked about the late invoice.
My name is {P} and I live in {L}.
i'm {P} from {L}, can you check my cv?
hi, this is {P}. my order has not come yet
Please summarise the call between {P} and {P} at {O}.
Dear {P},\nthank you for your message of last week.
Best regards,\n{P}\n{O}, {L}
Draft a letter of reference for {P}, who worked at {O} for six years.
{P}'s flight to {L} leaves at nine.
Does {P} still work for {O}?
Patient: {P}\nAddress: {L}\nComplaint: headache since Monday
Customer {P} called twice about the refund.
From: {P}\nTo: {P}\nSubject: contract with {O}
my boss {P} told me that {P} will leave {O}
Translate into French: {P} was born in {L}.
We met {P} and {P} in {L} during the summer.
Which hotels in {L} are close to the office of {O}?
Compare the weather in {L} and {L} in May.
{P} (she/her), head of sales at {O}
Invoice for {O}, attention {P}.
my sister {p} moved to {l} last year and loves it
tell {p} i said hi
should i text {p} back or not
can {p} and {p} share a room in {l}?
what time is it in {l} now
Dr. {P} prescribed it, and Nurse {P} gave it.
Witness statement of {P}: I saw {P} leave at ten.
Employee {P}, hired by {O}, asked for leave in {L}.
The meeting minutes list {P}, {P} and {P} as present.
Is {L} further north than {L}?
{O} opened a branch in {L}, says {P}.
Name: {P}
Full name: {P}, place of birth: {L}, employer: {O}
Hey {P}, quick question about the deck
Thanks {P}! See you in {L}.
Ask {P} whether {O} signed.
- {P}: prepare slides\n- {P}: book rooms in {L}
{P} <{M}> wrote:
{{"name": "{P}", "city": "{L}", "company": "{O}"}}
name,city,employer\n{P},{L},{O}
Write a story in which {P} travels from {L} to {L}.
user = User(name="{P}", city="{L}")
Our neighbours, the {F}s, are away.
According to {P}, the figures of {O} were wrong.
Ms {F} and Mr {F} will attend.
sgt. {F} filed the report in {L}
Sincerely, {P}""".splitlines()

# Nothing here is a person, a place or an organisation.
_NONE = """Write a Python function that reverses a string.
Explain how gradient descent works, step by step.
Summarise the text below in three bullet points.
What is the difference between a list and a tuple?
Monday is fine, but Tuesday at noon would be better.
The report is due in March, not in April or May.
Fix this error: TypeError: 'NoneType' object is not subscriptable
class OrderService(BaseModel): total: Decimal
def get_user_name(self, user_id: int) -> str:
SELECT name, city FROM customers WHERE id = 42;
import numpy as np
Given the premise, decide whether the hypothesis follows. Answer Yes, No or Maybe.
Question: How many apples are left? Answer: Let's think step by step.
Translate the following sentence into Spanish: the cat sleeps on the sofa.
Generate ten ideas for a birthday party with a space theme.
Dear Sir or Madam,
Hello there! How can I help you today?
Sure! Here is a short poem about the sea.
Step 1: Preheat the oven. Step 2: Mix flour and sugar.
Which is better, React or Vue, for a small dashboard?
How do I install Docker and Postgres on Ubuntu?
Use Markdown. Do not use HTML. Return JSON only.
My new Galaxy Tab is slower than the old Kindle.
I watched a film about pirates on Friday night.
Happy Birthday! Merry Christmas! Good Morning!
Human: I need advice. Assistant: Of course.
Will you mark this essay and bill me later?
Grace under pressure is rare, and hope is not a plan.
The rose garden, the brook and the hill are lovely in summer.
Read the page, then cook the rice for ten minutes.
IMPORTANT: READ CAREFULLY BEFORE YOU SIGN
Chapter Two: The Long Winter
Pros: Fast. Cons: Expensive. Verdict: Buy.
The Chief Financial Officer approved the Annual Report.
Dear Hiring Manager, I am writing to apply for the role.
Add salt, pepper, basil and a bay leaf. Serve with Greek salad and French fries.
The Spanish teacher speaks German and a little Japanese.
Newton's method converges faster than bisection here.
Run `git rebase main`, then open a Pull Request.
Bayes' theorem and the Turing test come up in the exam.
Premise: A man plays guitar. Hypothesis: Somebody makes music.
Sentence: The service was slow. Sentiment: Negative
Input: 3 4 5 Output: 12
True or False: Water boils at 100 degrees Celsius.
Kill the process with SIGTERM before you restart Nginx.
lol idk why my phone died again, so annoying
what's a good name for a black cat
i will go to the store, maybe mark the date
TODO: rename MyClass to OrderParser and drop FooBar
const fetchData = async () => await axios.get(url);
Category: Sports. Title: Weekly Review. Author: unknown.
Once upon a time, a little dragon wanted to learn to bake.""".splitlines()


def _name(chance: random.Random) -> str:
    pick = chance.random()
    given, family = chance.choice(_GIVEN), chance.choice(_FAMILY)
    if pick < 0.3:
        return given
    if pick < 0.38:
        return f"{given} {chance.choice('ABCDEFGHJKLMNPRSTW')}. {family}"
    if pick < 0.44:
        return f"{given}-{chance.choice(_GIVEN)} {family}"
    if pick < 0.5:
        return f"{given} {chance.choice(('van der', 'de', 'bin', 'von', 'al', 'del', 'da'))} {family}"
    return f"{given} {family}"


def _organisation(chance: random.Random) -> str:
    head = chance.choice((*_HEAD, *_FAMILY)) if chance.random() < 0.8 else chance.choice(_PLACE)
    return (
        f"{head} {chance.choice(_TAIL)}"
        if chance.random() < 0.85
        else f"{head}{chance.choice(('', 'ly', 'ify', 'soft'))}"
    )


def _place(chance: random.Random) -> str:
    place = chance.choice(_PLACE) if chance.random() < 0.8 else chance.choice(_LONG_PLACE)
    return f"{place}, {chance.choice(_PLACE)}" if chance.random() < 0.1 else place


_MAKERS: dict[str, tuple[str, Callable[[random.Random], str]]] = {
    "P": ("PERSON", _name),
    "F": ("PERSON", lambda chance: chance.choice(_FAMILY)),
    "L": ("LOCATION", _place),
    "O": ("ORGANIZATION", _organisation),
}


def filled(template: str, chance: random.Random) -> Row:
    """With a name for each `{P}` (person), `{F}` (family), `{L}` (place), `{O}` (organisation), lower-cased for a
    small letter, and an address for `{M}`."""
    spans: list[Span] = []
    text, *parts = template.replace("\\n", "\n").replace("{{", "\x00").replace("}}", "\x01").split("{")
    for part in parts:
        mark, _, rest = part.partition("}")
        if mark == "M":
            text += f"{chance.choice(_GIVEN).lower()}.{chance.choice(_FAMILY).lower()}@example.com"
        else:
            type_, make = _MAKERS[mark.upper()]
            value = make(chance)
            for piece in re.split("(, )", value) if type_ == "LOCATION" else [value]:
                if piece != ", ":
                    spans.append((len(text), len(text) + len(piece), type_))
                text += piece.lower() if mark.islower() else piece
        text += rest
    return Row(text.replace("\x00", "{").replace("\x01", "}"), spans, "own")


def own_rows(chance: random.Random, times: int) -> list[Row]:
    rows = [filled(template, chance) for template in _ASKS for _ in range(times)]
    return rows + [Row(text, [], "own") for text in _NONE for _ in range(max(1, times // 4))]
