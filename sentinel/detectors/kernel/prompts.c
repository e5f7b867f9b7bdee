/* `_injection_grammar.py`, `_injection_vocabulary.py`, `_injection_buckets.py`, `_injection_signs.py`: the
   tokens of a prompt, and what is counted of them. */

#include "kernel.h"

#define PROMPT_BUCKETS 32768
#define SLOTS 65536
#define LONGEST 32 /* characters of a token that is kept */
#define EMOJI 0x1F300
#define UNBROKEN 16 /* characters */
#define OTHER '-'   /* a word without a class */
#define MIX UINT64_C(0x9E3779B1)

/* Kinds of characters, `_injection_kernel.kinds`, and what a text may have, `_injection_signs`. */
enum {
    STARTS = 1,
    WORDLY = 2,
    INSIDE = 4,
    STOPS = 8,
    QUOTES = 16,
    GAP = 32,
    DOT = 64,
    SLASH = 128,
    COMMA = 256,
    HEX = 512,
    DIGIT = 1024,
    SPACE = 2048,
    ESCAPE = 4096,
    OPENS = 8192,
    BIT = 16384,
    UNSPACED = 32768
};
enum { LONG = 1, ESCAPED = 2, NUMBERS = 4, BINARY = 8, PAIRS = 16, APART = 32, DOTTED = 64, QUOTED = 128 };

/* `_injection_vocabulary.Vocabulary`: of each token, and the table in which those in ASCII are found. */
typedef struct {
    int32_t *rows;
    uint32_t *hashes;
    uint8_t *letters, *words;
    const int8_t *vectors; /* [known + 1, dimensions] */
    const uint16_t *kinds; /* [HIGHEST + 1] */
    const uint64_t *seeds; /* [1 + LONGEST / 4] of random bits */
    int32_t *slots;        /* [SLOTS] a token's number or -1, half of them at least */
    char *texts;           /* [tokens, LONGEST], filled up with zeros */
    int32_t dimensions;
} Vocabulary;

typedef struct {
    const uint16_t *kinds;
    const uint32_t *codes;
    int32_t size;
} Text;

INLINE uint16_t kind_at(const Text *of, int32_t at) {
    return at < of->size && of->codes[at] <= HIGHEST ? of->kinds[of->codes[at]] : 0;
}
INLINE int is_x(const Text *of, int32_t at) { return at < of->size && of->codes[at] == 'x'; }

/* Which of the signs a text has; -1 where it has letters that `kinds` does not tell, or of a script without
 * blanks. */
static int32_t signs_of(const Text *of) {
    int32_t found = 0, unbroken = 0, bits = 0;
    uint16_t before = 0, kind = kind_at(of, 0), next;
    for (int32_t i = 0; i < of->size; i++, before = kind, kind = next) {
        if (kind & UNSPACED || (of->codes[i] > HIGHEST && of->codes[i] - EMOJI >= 0x800)) return -1;
        next = kind_at(of, i + 1);
        unbroken = kind & SPACE ? 0 : unbroken + 1;
        bits = kind & BIT ? bits + 1 : 0;
        if (unbroken == UNBROKEN) found |= LONG;
        if (bits == 8) found |= BINARY;
        if (kind & ESCAPE) found |= ESCAPED;
        if (kind & OPENS && !(before & WORDLY)) found |= QUOTED;
        if (kind & DIGIT && next & COMMA && kind_at(of, i + 2) & (HEX | DIGIT | COMMA) &&
            kind_at(of, i + 3) & (HEX | DIGIT))
            found |= NUMBERS;
        if (kind & DOT && next & (DOT | SLASH) && kind_at(of, i + 2) & (DOT | SLASH)) found |= DOTTED;
        if (kind & GAP && next & WORDLY && kind_at(of, i + 2) & GAP && kind_at(of, i + 3) & WORDLY &&
            kind_at(of, i + 4) & GAP)
            found |= APART;
        if ((kind & COMMA || is_x(of, i)) && next & HEX && kind_at(of, i + 2) & HEX &&
            kind_at(of, i + 3) & COMMA && kind_at(of, i + 4) & HEX &&
            (kind_at(of, i + 5) & HEX || is_x(of, i + 5)))
            found |= PAIRS;
    }
    return found;
}

/* Where a token ends that begins at `start`; there itself where none does. */
INLINE int32_t end_of(const Text *of, int32_t start) {
    const uint16_t kind = kind_at(of, start);
    int32_t end = start;
    if (kind & STARTS) {
        end++;
        for (int32_t i = end; i < start + LONGEST && kind_at(of, i) & INSIDE; i++)
            if (kind_at(of, i) & WORDLY) end = i + 1;
    } else if (kind & QUOTES) {
        end++;
    } else {
        while (kind_at(of, end) & STOPS) end++;
    }
    return end;
}

/* The slot of a token, filled up with zeros: an empty one where it has none. */
INLINE uint32_t slot_of(const Vocabulary *known, const char token[LONGEST]) {
    uint32_t parts[LONGEST / 4];
    uint64_t hash = known->seeds[0];
    memcpy(parts, token, LONGEST);
    for (int32_t i = 0; i < LONGEST / 4; i++) hash += known->seeds[i + 1] * parts[i];
    uint32_t slot = (uint32_t)(hash >> 48);
    while (known->slots[slot] >= 0 &&
           memcmp(known->texts + (size_t)known->slots[slot] * LONGEST, token, LONGEST))
        slot = (slot + 1) % SLOTS;
    return slot;
}

/* The token at `start`..`end`, filled up with zeros; 0 where it is not all in ASCII. */
INLINE int cut(const Text *of, int32_t start, int32_t end, char token[LONGEST]) {
    memset(token, 0, LONGEST);
    for (int32_t i = start; i < end; i++) {
        if (of->codes[i] > 127) return 0;
        token[i - start] = (char)of->codes[i];
    }
    return 1;
}

/* `Compiled.read`: the tokens of `codes` [size] into `made` [5, size + 1]: starts, ends, numbers, -1 where
   there is none yet, and the places among them of those in ASCII without a number, and of those not in ASCII,
   which have none here. `told`: how many of either, the text's signs, and how many characters all tokens
   have. Returns how many tokens there are; -1 where one is longer than LONGEST, and see `signs_of`. */
int32_t sentinel_tokens(const Vocabulary *known, const uint32_t *codes, int32_t size, int32_t *made,
                        int32_t *told) {
    const Text of = {known->kinds, codes, size};
    const size_t width = (size_t)size + 1;
    const int32_t signs = signs_of(&of);
    int32_t count = 0, lacking = 0, others = 0;
    if (signs < 0) return -1;
    told[3] = 0;
    for (int32_t start = 0, end; start < size; start = end) {
        char token[LONGEST];
        end = end_of(&of, start);
        if (end == start) {
            end++;
            continue;
        }
        if (end - start > LONGEST) return -1;
        made[count] = start;
        made[width + count] = end;
        told[3] += end - start;
        if (cut(&of, start, end, token)) {
            const int32_t number = known->slots[slot_of(known, token)];
            made[2 * width + count] = number;
            if (number < 0) made[3 * width + lacking++] = count;
        } else
            made[4 * width + others++] = count;
        count++;
    }
    told[0] = lacking;
    told[1] = others;
    told[2] = signs;
    return count;
}

/* As zlib's. */
INLINE uint32_t crc32_of(const char *text, int32_t size) {
    uint32_t crc = UINT32_MAX;
    for (int32_t i = 0; i < size; i++) {
        crc ^= (uint8_t)text[i];
        for (int32_t bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    return ~crc;
}

/* `Compiled.learn`: puts tokens of a text into the vocabulary, those at `lacking` [asked] of `spans` [2,
   count], each in ASCII and of its class in `classes`, and gives each its number: the next one from `next`
   on, if it is the first. Returns the next number then. */
int32_t sentinel_learn(const Words *words, const Vocabulary *known, const uint32_t *codes,
                       const int32_t *spans, int32_t count, const int32_t *lacking, const char *classes,
                       int32_t asked, int32_t next, int32_t *numbers) {
    for (int32_t a = 0; a < asked; a++) {
        const int32_t start = spans[lacking[a]], end = spans[count + lacking[a]], size = end - start;
        const Text of = {known->kinds, codes, end};
        char token[LONGEST], lower[LONGEST];
        uint64_t hash = 0;
        cut(&of, start, end, token);
        const uint32_t slot = slot_of(known, token);
        if (known->slots[slot] < 0) {
            for (int32_t i = size - 1; i >= 0; i--) {
                lower[i] = token[i] >= 'A' && token[i] <= 'Z' ? (char)(token[i] + 'a' - 'A') : token[i];
                hash = hash * BASE + (uint8_t)lower[i];
            }
            known->rows[next] = row_of(words, hash);
            known->hashes[next] = crc32_of(lower, size);
            known->letters[next] = (uint8_t)classes[a];
            known->words[next] = (kind_at(&of, start) & (STARTS | DIGIT)) == STARTS;
            memcpy(known->texts + (size_t)next * LONGEST, token, LONGEST);
            known->slots[slot] = next++;
        }
        numbers[lacking[a]] = known->slots[slot];
    }
    return next;
}

/* Buckets, each once, with the token that it comes from. */
typedef struct {
    uint64_t seen[PROMPT_BUCKETS / 64];
    int64_t *buckets, *tokens;
    int32_t count;
} Once;

INLINE void note(Once *once, uint64_t hash, int32_t token) {
    const uint32_t at = (uint32_t)(hash % PROMPT_BUCKETS);
    const uint64_t bit = UINT64_C(1) << at % 64;
    if (once->seen[at / 64] & bit) return;
    once->seen[at / 64] |= bit;
    once->buckets[once->count] = at;
    once->tokens[once->count++] = token;
}

/* `_injection_buckets.seen` of the tokens `numbers` [count], of these classes: `rows` [count], `summed`
   [dimensions], and `made` [2, 3 * count] the buckets and their tokens; returns how many. */
int32_t sentinel_prompt(const Vocabulary *known, const int32_t *numbers, const char *classes, int32_t count,
                        int32_t *rows, int32_t *summed, int64_t *made) {
    const int32_t dimensions = known->dimensions;
    int32_t sums[WIDEST] = {0};
    Once once = {{0}, made, made + 3 * (size_t)count, 0};
    for (int32_t i = 0; i < count; i++) {
        const uint32_t hash = known->hashes[numbers[i]];
        rows[i] = known->rows[numbers[i]];
        __builtin_prefetch(known->vectors + (size_t)rows[i] * dimensions);
        note(&once, hash ^ hash >> 15, i);
    }
    for (int32_t i = 0; i < count; i++)
        for (int32_t d = 0; d < dimensions; d++) sums[d] += known->vectors[(size_t)rows[i] * dimensions + d];
    memcpy(summed, sums, sizeof(int32_t) * dimensions);
    for (int32_t i = 0; i + 1 < count; i++) {
        const uint64_t left = known->hashes[numbers[i]], right = known->hashes[numbers[i + 1]];
        note(&once, (left * 31 + right * MIX) >> 7, i);
    }
    int32_t first = -1, second = -1; /* the last two tokens that have a class */
    for (int32_t i = 0; i < count; i++) {
        if (classes[i] == OTHER) continue;
        if (first >= 0) {
            const uint64_t triple =
                classes[first] * 0x10001 + classes[second] * 0x1003 + classes[i] * 0x35 + 977;
            note(&once, (triple * MIX) >> 9, first);
        }
        first = second;
        second = i;
    }
    return once.count;
}
