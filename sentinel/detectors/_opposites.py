"""Words that say the opposite of each other, and words that turn a statement round.

Each entry of `_OPPOSITES`, up to its semicolon, has two sides; every word of one side opposes every word of
the other. Written from common usage; forms are met by their stems (`_wording.stem`), so base forms do.
"""

from __future__ import annotations

from functools import cache

from sentinel.detectors._wording import stem

_OPPOSITES = """
increase rise grow climb gain surge expand up upward high raise boost soar jump escalate uptick improve
    growth elevate hike | decrease fall drop decline shrink loss down downward low reduce plunge plummet
    sink slump contract diminish cut dip lower worsen reduction;
more greater larger bigger higher | less fewer smaller lower;
most majority | least minority few;
many numerous several multiple plenty | few single sole lone;
maximum maximize most peak | minimum minimize least trough;
strong strength strengthen robust powerful | weak weakness weaken feeble fragile;
good great excellent positive favorable beneficial perfect ideal | bad poor terrible negative
    unfavorable harmful useless awful;
better superior outperform exceed surpass best | worse inferior underperform worst;
easy simple straightforward effortless | difficult hard complex complicated challenging tough;
fast quick rapid speed accelerate swift | slow sluggish gradual slowdown decelerate delay;
early before prior previous pre precede earlier ahead former | late after later subsequent post follow
    behind latter;
begin start open launch commence initiate introduce | end stop close finish cease conclude halt shut
    terminate discontinue;
first initial beginning | last final ending;
include contain incorporate comprise | exclude omit lack without;
accept approve agree allow permit endorse grant confirm consent | reject refuse deny decline disagree
    forbid prohibit ban oppose disapprove veto dismiss;
support favor advocate back defend | oppose against attack criticize undermine condemn;
win victory succeed success triumph successful | lose loss defeat fail failure unsuccessful;
buy purchase acquire | sell sale dispose divest;
give provide offer supply send donate | take receive withhold withdraw remove deprive;
lend | borrow;
hire recruit employ appoint | fire dismiss layoff sack;
arrive come enter join return | leave depart go exit quit;
push | pull;
inside within indoor internal interior domestic local inner | outside beyond outdoor external exterior
    foreign abroad outer;
above over exceed top upper | below under beneath bottom underneath;
near close nearby adjacent | far distant remote away;
left | right;
north northern | south southern;
east eastern | west western;
long lengthy extended longterm | short brief shortterm temporary;
old ancient elderly aged older | new young modern recent younger youth novel;
big large huge massive major significant substantial considerable | small little tiny minor slight
    insignificant negligible modest;
wide broad extensive | narrow limited restricted;
deep | shallow;
thick | thin;
heavy | light;
full complete entire total whole fully completely entirely | empty partial incomplete partly partially;
public open transparent | private secret confidential hidden;
rich wealthy expensive costly pricey | poor cheap affordable inexpensive free;
hot warm heat | cold cool freeze chilly;
dry drought | wet rain flood;
day morning | night evening;
man male husband father son brother boy he him his king uncle nephew | woman female wife mother daughter
    sister girl she her queen aunt niece;
parent | child;
alive live survive birth born survivor | dead die death kill perish;
safe secure protect safety harmless | dangerous unsafe risk threaten hazard harm endanger;
true correct accurate right valid | false incorrect wrong inaccurate invalid;
known familiar famous | unknown unfamiliar obscure;
certain sure definite confident certainty | uncertain unsure doubtful uncertainty;
possible likely probable can able | impossible unlikely improbable unable cannot;
necessary essential required mandatory must need | unnecessary optional voluntary;
common usual frequent often regular typical | rare unusual infrequent seldom irregular uncommon;
always constantly invariably | never rarely;
all every everyone everything both entire | none nobody nothing neither no;
some any | none no;
only solely exclusively merely | also additionally;
same identical equal similar alike | different distinct unequal dissimilar other;
together jointly collectively | separately apart alone individually;
optimistic hopeful enthusiastic eager excited happy pleased glad satisfied delighted joy | pessimistic
    hopeless reluctant unwilling sad unhappy disappointed upset angry dissatisfied disinterested;
love like enjoy prefer admire | hate dislike despise detest avoid;
interested willing | uninterested unwilling reluctant;
remember recall | forget;
ignore neglect overlook disregard | consider notice acknowledge address;
encourage motivate promote advocate urge | discourage deter hinder dissuade prevent demotivate;
help assist aid facilitate enable | hinder obstruct impede hamper prevent block;
create build make construct produce establish generate | destroy demolish ruin eliminate dismantle;
add insert attach | remove delete subtract detach;
keep retain preserve maintain hold continue remain | discard abandon lose change drop discontinue;
connect join link unite merge | disconnect separate divide split;
lock | unlock;
love | hate;
friend ally partner | enemy foe rival opponent;
guilty convicted convict guilt | innocent acquitted acquit innocence;
legal lawful legitimate | illegal unlawful illegitimate;
profit gain surplus earnings profitable | loss deficit debt unprofitable;
income revenue | expense cost expenditure;
asset | liability;
advantage benefit strength pro upside | disadvantage drawback weakness con downside;
question ask | answer reply respond;
teacher instructor | student pupil;
doctor | patient;
seller vendor | buyer customer client;
employer | employee;
supply | demand;
import | export;
active | passive inactive dormant;
able capable | unable incapable;
efficient effective productive | inefficient ineffective unproductive;
stable steady constant | unstable volatile variable;
flexible | rigid inflexible;
visible apparent | invisible hidden;
present attend attendance | absent absence miss;
natural organic | artificial synthetic manmade;
real genuine authentic actual | fake false fictional imaginary counterfeit;
war conflict fight | peace truce ceasefire;
victim | perpetrator attacker;
defend defense | attack offense;
hero | villain;
urban city | rural countryside;
online digital virtual remote | offline physical inperson;
manual | automatic automated;
vertical | horizontal;
single unmarried individual | married double couple multiple;
married marry wed | divorced divorce separated;
primary main principal major | secondary minor auxiliary;
direct | indirect;
formal | informal casual;
theoretical | practical empirical;
supervised | unsupervised;
linear | nonlinear;
static | dynamic;
global international worldwide | local national regional;
sync synchronous | async asynchronous;
upload | download;
input | output;
client | server;
cause | effect result;
past | future upcoming;
today | yesterday tomorrow;
forward advance progress | backward retreat regress;
ascend | descend;
appear emerge | disappear vanish;
attract | repel;
reveal disclose expose unveil | conceal hide cover;
release free | capture detain arrest imprison;
praise compliment commend applaud | criticize blame condemn insult;
trust believe faith | distrust doubt suspect disbelieve;
calm quiet peaceful relaxed | noisy loud violent agitated stressed;
polite kind friendly gentle | rude cruel hostile mean harsh;
clean pure | dirty polluted contaminated;
healthy well | sick ill unhealthy;
normal ordinary | abnormal unusual extraordinary;
similar consistent | contrary inconsistent contradictory;
upgrade promote promotion | downgrade demote demotion;
underestimate | overestimate;
undervalued | overvalued;
employed employment | unemployed unemployment;
majority | minority;
minimum | maximum;
tailwind | headwind;
bull bullish | bear bearish;
inflation | deflation;
ceiling | floor;
optional | compulsory mandatory;
democrat democratic | republican;
liberal | conservative;
guest | host;
sender | recipient receiver;
predecessor | successor;
ancestor | descendant;
inhale | exhale;
lengthen | shorten;
widen | narrow;
tighten | loosen;
strict strictly stringent | lenient loose lax;
sweet | bitter sour;
sunny | cloudy rainy;
"""

NEGATORS = frozenset(
    "not no never none nobody nothing neither nor without cannot n't dont doesnt didnt isnt wasnt arent "
    "werent wont wouldnt cant couldnt shouldnt hasnt havent hadnt aint hardly barely scarcely".split()
)
_DENIALS = (
    "fail refuse lack deny unable unlikely impossible decline prevent avoid stop absence exclude reject"
)
QUANTIFIERS = frozenset(
    "all every each only solely exclusively always never none both most majority entire entirely fully "
    "completely single any everyone everything nobody must guarantee first last best worst more less fewer "
    "least few many several some half".split()
)
_PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "anti", "mis", "de")


def _lines() -> list[str]:
    return [line for line in _OPPOSITES.split(";") if line.strip()]


@cache
def sides() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Word, as written -> the words of its own sides, and those of the sides that oppose it."""
    own: dict[str, list[str]] = {}
    against: dict[str, list[str]] = {}
    for line in _lines():
        left, right = (side.split() for side in line.split("|"))
        for one, other in ((left, right), (right, left)):
            for word in one:
                own.setdefault(word, []).extend(one)
                against.setdefault(word, []).extend(other)
    return own, against


@cache
def opposites() -> dict[str, frozenset[str]]:
    """Stem -> stems of the words that say its opposite."""
    table: dict[str, set[str]] = {}
    for line in _lines():
        left, right = ({stem(word) for word in side.split()} for side in line.split("|"))
        for one, other in ((left, right), (right, left)):
            for word in one - other:
                table.setdefault(word, set()).update(other - one)
    return {word: frozenset(others) for word, others in table.items()}


@cache
def kin() -> dict[str, frozenset[str]]:
    """Stem -> stems of the words on its side of a line."""
    table: dict[str, set[str]] = {}
    for line in _lines():
        for side in line.split("|"):
            stems = {stem(word) for word in side.split()}
            for word in stems:
                table.setdefault(word, set()).update(stems)
    return {word: frozenset(others) for word, others in table.items()}


@cache
def denials() -> frozenset[str]:
    """Stems that deny without a negator."""
    return frozenset(stem(word) for word in _DENIALS.split())


def prefixed(word: str) -> tuple[str, ...]:
    """Words that `word` may be the opposite of by a prefix or suffix alone, or the other way round."""
    found = [word[len(p) :] for p in _PREFIXES if word.startswith(p) and len(word) >= len(p) + 4]
    if word.endswith("less") and len(word) > 7:
        found += [word[:-4], word[:-4] + "ful"]
    elif word.endswith("ful") and len(word) > 6:
        found.append(word[:-3] + "less")
    return tuple(found)
