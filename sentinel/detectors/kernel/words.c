/* `_classifier_words.py` and `_classifier_grams.py`: the words of a text, and what tables say of their
 * n-grams. */

#include "kernel.h"

#include <math.h>

#define MOST 4096 /* characters of a text, with a blank before and behind */
#define HEADS 16  /* at most */
#define WORD UINT64_C(0xD6E8FEB86659FD93)
#define CHARS UINT64_C(0x1D8E4E27C47D124F)
static const uint64_t PAIRS[2][2] = {{UINT64_C(0xA0761D6478BD642F), UINT64_C(0x8EBC6AF09C88C6E3)},
                                     {UINT64_C(0xE7037ED1A0B428DB), UINT64_C(0x589965CC75374CC3)}};

#ifndef BUILT_OF
#define BUILT_OF 0
#endif

/* The checksum of the source that this was built of, as `hatch_build.py` tells it; 0 if built by hand. */
uint32_t sentinel_built_of(void) { return BUILT_OF; }

/* `_classifier_grams.Book` and the places of its words in the text. */
typedef struct {
    int32_t *starts, *ends, *rows, *gram_ends;
    uint16_t *own, *pairs, *grams;
    int32_t count;
} Book;

INLINE uint8_t kind_of(const uint8_t *kinds, uint32_t code) {
    return code <= HIGHEST ? kinds[code] : code >= 0x1F000 ? 2 : kinds[HIGHEST];
}

INLINE int is_low(uint32_t code) { return code - 'a' < 26; }

INLINE int may_be_letter(const uint8_t *kinds, uint32_t code) { return code > HIGHEST || kinds[code] == 1; }

/* Which of the disguises that `_classifier_words.view` takes off a text may be in it: 1 signs for letters,
   2 letters repeated, 4 letters apart. `codes` [count], with a blank before and behind. */
int32_t sentinel_hints(const uint8_t *kinds, const uint32_t *codes, int32_t count) {
    int32_t found = 0;
    for (int32_t i = 1; i + 2 < count; i++) {
        const uint32_t code = codes[i], next = codes[i + 1], second = codes[i + 2];
        switch (code) {
        case '0':
        case '1':
        case '3':
        case '4':
        case '5':
        case '7':
        case '!':
        case '@':
        case '$':
            if (is_low(next) ? is_low(codes[i - 1]) || code == '$'
                             : is_low(codes[i - 1]) && is_low(second) && next > BLANK && next < 'a')
                found |= 1;
            break;
        case BLANK:
        case '.':
        case '*':
        case '_':
        case '-':
            if (code == second && i + 4 < count && code == codes[i + 4] &&
                may_be_letter(kinds, codes[i - 1]) && may_be_letter(kinds, next) &&
                may_be_letter(kinds, codes[i + 3]))
                found |= 4;
            break;
        default:
            if (code == next && code == second && may_be_letter(kinds, code)) found |= 2;
        }
    }
    return found;
}

/* `rows_of`: the rows of words, which stand in `codes` one behind the other, each of one of `sizes` [count].
 */
void sentinel_rows(const Words *words, const uint32_t *codes, const int32_t *sizes, int32_t count,
                   int32_t *rows) {
    for (int32_t w = 0; w < count; codes += sizes[w++]) rows[w] = row_of(words, hash_of(codes, sizes[w]));
}

/* Where the words of `codes` [count] begin and end; `seen` [count + 2]: their characters, blanks between. */
INLINE void find_words(const uint8_t *kinds, const uint32_t *codes, int32_t count, uint32_t *seen,
                       Book *book) {
    int32_t made = 0;
    uint8_t before = 0, kind = kind_of(kinds, codes[0]);
    for (int32_t i = 0; i < count; i++) {
        const uint8_t next = i + 1 < count ? kind_of(kinds, codes[i + 1]) : 0;
        const int part = kind == 1 || (kind == 3 && before == 1 && next == 1);
        seen[i] = part || kind == 2 ? codes[i] : BLANK;
        if (part && made && book->ends[made - 1] == i - 1 && before != 2)
            book->ends[made - 1] = i;
        else if (part || kind == 2) {
            book->starts[made] = i - 1;
            book->ends[made++] = i;
        }
        before = kind;
        kind = next;
    }
    seen[count] = seen[count + 1] = BLANK;
    book->count = made;
}

/* The n-grams that begin one before each character first..last of a word; returns how many. */
INLINE int32_t grams_of(const uint32_t *seen, int32_t count, int32_t first, int32_t last, uint16_t *grams) {
    int32_t made = 0;
    for (int32_t i = first; i <= last; i++) {
        uint64_t power = BASE * BASE * BASE;
        uint64_t sum = seen[i - 1] + BASE * (seen[i] + BASE * (uint64_t)seen[i + 1]);
        for (int32_t size = 3; size <= 5; size++) {
            const uint64_t mixed = folded(sum) * CHARS + (uint64_t)size;
            grams[made++] = bucket(folded(mixed) * CHARS);
            if (seen[i + size - 2] == BLANK || i - 1 + size >= count) break;
            sum += power * seen[i + size - 1];
            power *= BASE;
        }
    }
    return made;
}

INLINE void pair(const Words *words, const uint64_t *hashes, Book *book) {
    const int32_t count = book->count;
    for (int32_t step = 1; step <= 2; step++) {
        const uint64_t *by = PAIRS[step - 1];
        uint16_t *of_words = book->pairs + 2 * (step - 1) * count, *of_clusters = of_words + count;
        for (int32_t w = 0; w < count; w++) {
            of_words[w] = of_clusters[w] = 0;
            if (w + step >= count) continue;
            const uint64_t left = words->clusters[book->rows[w]];
            const uint64_t right = words->clusters[book->rows[w + step]];
            of_words[w] = bucket(folded(folded(hashes[w]) * by[0] + hashes[w + step]) * by[0]);
            of_clusters[w] = bucket(folded((left * by[0] + right) * by[1]) * by[1]);
        }
    }
}

/* The words of `codes` [count], which begin and end with a blank, into a book that has room for as many, for
   four times as many pairs, three times as many n-grams and one more end of those. */
void sentinel_read(const Words *words, const uint32_t *codes, int32_t count, Book *book) {
    uint32_t seen[MOST + 2];
    uint64_t hashes[MOST];
    find_words(words->kinds, codes, count, seen, book);
    const int32_t made = book->count;
    int32_t grams = 0;
    book->gram_ends[0] = 0;
    for (int32_t w = 0; w < made; w++) {
        const int32_t first = book->starts[w] + 1, last = book->ends[w];
        const uint64_t hash = hash_of(seen + first, last - first + 1);
        hashes[w] = hash;
        book->rows[w] = row_of(words, hash);
        book->own[w] = bucket(hash * WORD);
        grams += grams_of(seen, count, first, last, book->grams + grams);
        book->gram_ends[w + 1] = grams;
    }
    pair(words, hashes, book);
}

INLINE void add(int32_t *sum, const int8_t *table, int32_t stride, uint16_t at) {
    for (int32_t head = 0; head < stride; head++) sum[head] += table[(size_t)at * stride + head];
}

INLINE void hashed(const int8_t *table, int32_t stride, int32_t heads, const Book *book,
                   const int32_t *bounds, int32_t stretches, double *made) {
    const int32_t count = book->count;
    for (int32_t s = 0; s < stretches; s++, made += heads) {
        const int32_t low = bounds[2 * s], high = bounds[2 * s + 1], size = high - low;
        int32_t words[HEADS] = {0}, grams[HEADS] = {0};
        for (int32_t w = low; w < high; w++) add(words, table, stride, book->own[w]);
        for (int32_t step = 1; step <= 2; step++) {
            const uint16_t *pairs = book->pairs + 2 * (step - 1) * count;
            for (int32_t w = low; w < high - step; w++) {
                add(words, table, stride, pairs[w]);
                add(words, table, stride, pairs[count + w]);
            }
        }
        for (int32_t g = book->gram_ends[low]; g < book->gram_ends[high]; g++)
            add(grams, table, stride, book->grams[g]);
        const double of_words = sqrt(size > 1 ? 5 * size - 6 : size);
        const double of_grams = sqrt(book->gram_ends[high] - book->gram_ends[low]);
        for (int32_t head = 0; head < heads; head++)
            made[head] = words[head] / of_words + grams[head] / of_grams;
    }
}

/* `Hashed.logits`. `table` [65536, stride], the stride a power of two up to HEADS; `made` [stretches,
   heads]. */
void sentinel_hashed(const int8_t *table, int32_t stride, int32_t heads, const Book *book,
                     const int32_t *bounds, int32_t stretches, double *made) {
    switch (stride) {
    case 1: hashed(table, 1, heads, book, bounds, stretches, made); break;
    case 2: hashed(table, 2, heads, book, bounds, stretches, made); break;
    case 4: hashed(table, 4, heads, book, bounds, stretches, made); break;
    case 8: hashed(table, 8, heads, book, bounds, stretches, made); break;
    default: hashed(table, stride, heads, book, bounds, stretches, made);
    }
}

/* `Hashed.shares`. `made` [last - first, asked] of these heads. */
void sentinel_hashed_shares(const int8_t *table, int32_t stride, const Book *book, int32_t first,
                            int32_t last, const int32_t *heads, int32_t asked, double *made) {
    const int32_t size = last - first, *ends = book->gram_ends;
    const double of_words = sqrt(size > 1 ? 5 * size - 6 : size), of_grams = sqrt(ends[last] - ends[first]);
    memset(made, 0, sizeof(double) * (size_t)size * asked);
    for (int32_t w = first; w < last; w++, made += asked)
        for (int32_t h = 0; h < asked; h++) {
            const int8_t *column = table + heads[h];
            int32_t grams = 0;
            for (int32_t g = ends[w]; g < ends[w + 1]; g++) grams += column[(size_t)book->grams[g] * stride];
            made[h] += column[(size_t)book->own[w] * stride] / of_words + grams / of_grams;
            for (int32_t step = 1; step <= 2 && w + step < last; step++) {
                const uint16_t *pairs = book->pairs + 2 * (step - 1) * book->count + w;
                const size_t by_words = pairs[0], by_clusters = pairs[book->count];
                const int32_t two = column[by_words * stride] + column[by_clusters * stride];
                made[h] += two / 2.0 / of_words;
                made[step * asked + h] += two / 2.0 / of_words;
            }
        }
}
