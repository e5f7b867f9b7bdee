/* What the small classifiers compute, and what they read. `_classifier_grams.py`, `_classifier_filters.py`,
   `_classifier_network.py` and `_language_model.py` say the same in numpy, at length and with the reasons, and
   of prompts `_injection_grammar.py`, `_injection_vocabulary.py` and `_injection_buckets.py`;
   `tests/detectors/test_kernel.py` holds both against each other. No function keeps anything or allocates but
   `sentinel_network` and `sentinel_shares`, which free what they take; lengths are the caller's to check. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#define FOR_AVX2 __attribute__((target("avx2")))
#define HAS_AVX2 __builtin_cpu_supports("avx2")
#else
#define FOR_AVX2
#define HAS_AVX2 0
#define summed_avx2 summed
#endif

#ifndef BUILT_OF
#define BUILT_OF 0
#endif

#define INLINE static inline __attribute__((always_inline))

#define BLANK 32
#define HIGHEST 65535
#define MOST 4096  /* characters of a text, with a blank before and behind */
#define WIDTH 3    /* words that a filter sees */
#define TOP 255    /* the highest answer of the first layer */
#define HEADS 16   /* at most */
#define WIDEST 256 /* dimensions and filters, at most */
#define BLOCK 16   /* filters */
#define ROWS 4     /* words that are filtered at once */
#define WHOLE 8388608.0f /* from here on there are whole numbers alone: added and taken off, it rounds */

#define PROMPT_BUCKETS 32768
#define SLOTS 65536
#define LONGEST 32  /* characters of a token that is kept */
#define EMOJI 0x1F300
#define UNBROKEN 16 /* characters */
#define OTHER '-' /* a word without a class */
#define MIX UINT64_C(0x9E3779B1)

#define BASE UINT64_C(0x9E3779B97F4A7C15)
#define WORD UINT64_C(0xD6E8FEB86659FD93)
#define CHARS UINT64_C(0x1D8E4E27C47D124F)
static const uint64_t PAIRS[2][2] = {{UINT64_C(0xA0761D6478BD642F), UINT64_C(0x8EBC6AF09C88C6E3)},
                                     {UINT64_C(0xE7037ED1A0B428DB), UINT64_C(0x589965CC75374CC3)}};

INLINE uint64_t folded(uint64_t hash) { return hash ^ hash >> 29; }
INLINE uint16_t bucket(uint64_t hash) { return (uint16_t)(hash >> 48); }

/* The checksum of the source that this was built of, as `hatch_build.py` tells it; 0 if built by hand. */
uint32_t sentinel_built_of(void) { return BUILT_OF; }

/* The table of known words, `_classifier_grams.Words`, and `_classifier_words.word_kinds`. */
typedef struct {
    const uint8_t *kinds;
    const uint64_t *hashes; /* [known], ascending */
    const uint64_t *clusters; /* [known + 1] */
    const int32_t *begins; /* by the twelve highest bits of a hash, the first that has them; [4097] */
    int32_t known;
} Words;

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
        case '0': case '1': case '3': case '4': case '5': case '7': case '!': case '@': case '$':
            if (is_low(next) ? is_low(codes[i - 1]) || code == '$'
                             : is_low(codes[i - 1]) && is_low(second) && next > BLANK && next < 'a')
                found |= 1;
            break;
        case BLANK: case '.': case '*': case '_': case '-':
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

static int32_t row_of(const Words *words, uint64_t hash) {
    const uint64_t *hashes = words->hashes;
    int32_t low = words->begins[hash >> 52], high = words->begins[(hash >> 52) + 1];
    while (low < high) {
        const int32_t middle = (low + high) / 2;
        if (hashes[middle] < hash) low = middle + 1; else high = middle;
    }
    return low < words->known && hashes[low] == hash ? low : words->known;
}

INLINE uint64_t hash_of(const uint32_t *codes, int32_t size) {
    uint64_t hash = 0;
    while (size > 0) hash = hash * BASE + codes[--size];
    return hash;
}

/* `rows_of`: the rows of words, which stand in `codes` one behind the other, each of one of `sizes` [count]. */
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

/* `Network`. Filters are told in blocks of BLOCK; their weights [WIDTH * inputs / 2, filters, 2]: of each two
   inputs those of all filters. */
typedef struct {
    const int8_t *vectors; /* [known + 1, dimensions] */
    const int16_t *first, *second;
    const float *first_scale, *first_bias, *second_scale, *second_bias;
    const float *by_mean, *by_filter, *hidden_bias, *out, *bias;
    int32_t dimensions, filters, units, heads;
} Network;

/* A stretch as the network sees it: its words' vectors and the first layer's answers, each with a row of
   zeros before and some behind; of each filter of both layers the highest answer, and where it is; what the
   units are told of these, and get. */
typedef struct {
    int16_t *words, *first;
    int32_t *highest, *where;
    float *told, *units;
} Seen;

typedef void Summed(const int16_t *inputs, int32_t step, const int16_t *weights, int32_t width,
                    int32_t filters, int32_t sums[ROWS][WIDEST]);

/* What filters make of ROWS stretches of `width` inputs, which begin `step` apart. */
static void summed(const int16_t *inputs, int32_t step, const int16_t *weights, int32_t width,
                   int32_t filters, int32_t sums[ROWS][WIDEST]) {
    for (int32_t r = 0; r < ROWS; r++, inputs += step) {
        memset(sums[r], 0, sizeof(int32_t) * filters);
        for (int32_t i = 0; i < width; i += 2)
            for (int32_t f = 0; f < filters; f++) {
                const int16_t *weight = weights + i * filters + 2 * f;
                sums[r][f] += inputs[i] * weight[0] + inputs[i + 1] * weight[1];
            }
    }
}

#if defined(__x86_64__)
FOR_AVX2 static void summed_avx2(const int16_t *inputs, int32_t step, const int16_t *weights, int32_t width,
                                 int32_t filters, int32_t sums[ROWS][WIDEST]) {
    for (int32_t f = 0; f < filters; f += BLOCK) {
        __m256i low[ROWS] = {0}, high[ROWS] = {0};
        for (int32_t i = 0; i < width; i += 2) {
            const __m256i *const weight = (const __m256i *)(weights + i * filters + 2 * f);
            const __m256i first = _mm256_loadu_si256(weight), second = _mm256_loadu_si256(weight + 1);
            for (int32_t r = 0; r < ROWS; r++) {
                int32_t two;
                memcpy(&two, inputs + r * step + i, sizeof two);
                const __m256i both = _mm256_set1_epi32(two);
                low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(first, both));
                high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(second, both));
            }
        }
        for (int32_t r = 0; r < ROWS; r++) {
            _mm256_storeu_si256((__m256i *)(sums[r] + f), low[r]);
            _mm256_storeu_si256((__m256i *)(sums[r] + f + 8), high[r]);
        }
    }
}
#endif

INLINE void highest_of(const int32_t *answers, int32_t filters, int32_t word, int32_t *highest,
                       int32_t *where) {
    for (int32_t f = 0; f < filters; f++) {
        const int higher = answers[f] > highest[f];
        highest[f] = higher ? answers[f] : highest[f];
        where[f] = higher ? word : where[f];
    }
}

/* The vectors of the words, and what the units get of their mean. */
INLINE void see_words(const Network *net, const int32_t *rows, int32_t size, Seen *seen) {
    const int32_t dimensions = net->dimensions, units = net->units;
    int32_t sums[WIDEST] = {0};
    for (int32_t w = 0; w < size; w++) {
        const int8_t *vector = net->vectors + (size_t)rows[w] * dimensions;
        int16_t *word = seen->words + (size_t)(w + 1) * dimensions;
        for (int32_t d = 0; d < dimensions; d++) {
            word[d] = vector[d];
            sums[d] += vector[d];
        }
    }
    memset(seen->words + (size_t)(size + 1) * dimensions, 0, sizeof(int16_t) * (ROWS + 1) * dimensions);
    memcpy(seen->units, net->hidden_bias, sizeof(float) * units);
    for (int32_t d = 0; d < dimensions; d++) {
        const float mean = (float)((double)sums[d] / size);
        for (int32_t u = 0; u < units; u++) seen->units[u] += mean * net->by_mean[d * units + u];
    }
}

/* From what the filters of the first layer sum up at a word, [filters], their answers there. */
INLINE void answer(const Network *net, int32_t *sums, int16_t *answers) {
    for (int32_t f = 0; f < net->filters; f++) {
        float told = (float)sums[f] * net->first_scale[f];
        told += net->first_bias[f];
        told = told < 0 ? 0 : told > TOP ? TOP : told;
        told += WHOLE;
        told -= WHOLE;
        sums[f] = (int32_t)told;
        answers[f] = (int16_t)sums[f];
    }
}

INLINE void see_first(Summed *sum, const Network *net, int32_t size, Seen *seen) {
    const int32_t dimensions = net->dimensions, filters = net->filters;
    int32_t sums[ROWS][WIDEST];
    for (int32_t f = 0; f < filters; f++) seen->highest[f] = -1;
    for (int32_t first = 0; first < size; first += ROWS) {
        const int16_t *words = seen->words + (size_t)first * dimensions;
        sum(words, dimensions, net->first, WIDTH * dimensions, filters, sums);
        for (int32_t w = first; w < first + ROWS && w < size; w++) {
            answer(net, sums[w - first], seen->first + (size_t)(w + 1) * filters);
            highest_of(sums[w - first], filters, w, seen->highest, seen->where);
        }
    }
    memset(seen->first + (size_t)(size + 1) * filters, 0, sizeof(int16_t) * (ROWS + 1) * filters);
}

INLINE void see_second(Summed *sum, const Network *net, int32_t size, Seen *seen) {
    const int32_t filters = net->filters;
    int32_t sums[ROWS][WIDEST], *highest = seen->highest + filters, *where = seen->where + filters;
    for (int32_t f = 0; f < filters; f++) highest[f] = INT32_MIN;
    for (int32_t first = 0; first < size; first += ROWS) {
        const int16_t *answers = seen->first + (size_t)first * filters;
        sum(answers, filters, net->second, WIDTH * filters, filters, sums);
        for (int32_t w = first; w < first + ROWS && w < size; w++)
            highest_of(sums[w - first], filters, w, highest, where);
    }
}

INLINE void see_by(Summed *sum, const Network *net, const int32_t *rows, int32_t size, Seen *seen) {
    const int32_t filters = net->filters, units = net->units;
    see_words(net, rows, size, seen);
    see_first(sum, net, size, seen);
    see_second(sum, net, size, seen);
    for (int32_t f = 0; f < filters; f++) {
        float second = (float)seen->highest[filters + f] * net->second_scale[f];
        second += net->second_bias[f];
        seen->told[f] = (float)seen->highest[f];
        seen->told[filters + f] = second > 0 ? second : 0;
    }
    for (int32_t f = 0; f < 2 * filters; f++)
        for (int32_t u = 0; u < units; u++) seen->units[u] += seen->told[f] * net->by_filter[f * units + u];
}

FOR_AVX2 static void see_avx2(const Network *net, const int32_t *rows, int32_t size, Seen *seen) {
    see_by(summed_avx2, net, rows, size, seen);
}

static void see(const Network *net, const int32_t *rows, int32_t size, Seen *seen) {
    if (HAS_AVX2)
        see_avx2(net, rows, size, seen);
    else
        see_by(summed, net, rows, size, seen);
}

/* Room for a stretch of so many words, to be freed by its first part; 0 where there is no memory. */
static int room(const Network *net, int32_t size, Seen *seen) {
    const size_t rows = (size_t)size + WIDTH - 1 + ROWS, filters = net->filters;
    const size_t narrow = sizeof(int16_t) * rows * (net->dimensions + filters);
    char *memory = malloc(sizeof(float) * (6 * filters + net->units) + narrow);
    if (!memory) return 0;
    seen->told = (float *)memory;
    seen->units = seen->told + 2 * filters;
    seen->highest = (int32_t *)(seen->units + net->units);
    seen->where = seen->highest + 2 * filters;
    seen->words = (int16_t *)(seen->where + 2 * filters);
    seen->first = seen->words + rows * net->dimensions;
    memset(seen->words, 0, sizeof(int16_t) * net->dimensions);
    memset(seen->first, 0, sizeof(int16_t) * filters);
    return 1;
}

/* `Network.logits`. `made` [stretches, heads]. 0 where there is no memory. */
int32_t sentinel_network(const Network *net, const int32_t *rows, const int32_t *bounds, int32_t stretches,
                         float *made) {
    Seen seen;
    int32_t longest = 0;
    for (int32_t s = 0; s < stretches; s++) {
        const int32_t size = bounds[2 * s + 1] - bounds[2 * s];
        longest = size > longest ? size : longest;
    }
    if (!room(net, longest, &seen)) return 0;
    for (int32_t s = 0; s < stretches; s++, made += net->heads) {
        see(net, rows + bounds[2 * s], bounds[2 * s + 1] - bounds[2 * s], &seen);
        memcpy(made, net->bias, sizeof(float) * net->heads);
        for (int32_t u = 0; u < net->units; u++)
            for (int32_t h = 0; h < net->heads && seen.units[u] > 0; h++)
                made[h] += seen.units[u] * net->out[u * net->heads + h];
    }
    free(seen.told);
    return 1;
}

/* `count`: a multiple of BLOCK. */
INLINE float dot(const float *left, const int32_t *right, int32_t count) {
    float parts[BLOCK] = {0}, sum = 0;
    for (int32_t i = 0; i < count; i += BLOCK)
        for (int32_t b = 0; b < BLOCK; b++) parts[b] += left[i + b] * (float)right[i + b];
    for (int32_t b = 0; b < BLOCK; b++) sum += parts[b];
    return sum;
}

/* By how much the answers of the first layer, [size + 2, filters] with a row before and behind, raise a head:
   the slope of the second layer at the words where its filters are highest, and of the first where its own
   are, in units of what its filters sum up. */
static void slopes_of_first(const Network *net, const Seen *seen, const float *slope, int32_t size,
                            float *made) {
    const int32_t filters = net->filters;
    memset(made, 0, sizeof(float) * (size_t)(size + 2) * filters);
    for (int32_t f = 0; f < filters; f++) {
        if (seen->told[filters + f] <= 0) continue;
        const float at = slope[filters + f] * net->second_scale[f];
        float *rows = made + (size_t)seen->where[filters + f] * filters;
        const int16_t *weights = net->second + 2 * f;
        for (int32_t i = 0; i < WIDTH * filters; i += 2, weights += 2 * filters) {
            rows[i] += at * weights[0];
            rows[i + 1] += at * weights[1];
        }
    }
    for (int32_t f = 0; f < filters; f++)
        if (seen->told[f] > 0) made[(size_t)(seen->where[f] + 1) * filters + f] += slope[f];
    for (int32_t w = 1; w <= size; w++)
        for (int32_t f = 0; f < filters; f++) {
            const int16_t answer = seen->first[(size_t)w * filters + f];
            made[(size_t)w * filters + f] *= answer > 0 && answer < TOP ? net->first_scale[f] : 0;
        }
}

/* By how much what the units get raises a head: into `slope` [2 * filters] by each filter's answer, behind it
   [dimensions] by the mean of the vectors. */
static void slopes_of_units(const Network *net, const Seen *seen, int32_t head, float *slope) {
    const int32_t filters = net->filters, dimensions = net->dimensions, units = net->units;
    float *by_mean = slope + 2 * filters;
    memset(slope, 0, sizeof(float) * (2 * filters + dimensions));
    for (int32_t u = 0; u < units; u++) {
        if (seen->units[u] <= 0) continue;
        const float out = net->out[u * net->heads + head];
        for (int32_t f = 0; f < 2 * filters; f++) slope[f] += net->by_filter[f * units + u] * out;
        for (int32_t d = 0; d < dimensions; d++) by_mean[d] += net->by_mean[d * units + u] * out;
    }
}

/* To `made` [size, asked] what the words have in the heads by way of the first layer, whose slopes are
   `by_first` [asked, size + 2, filters]. */
static void share_by_first(const Network *net, const Seen *seen, int32_t size, const float *by_first,
                           int32_t asked, float *made) {
    const int32_t filters = net->filters, dimensions = net->dimensions;
    Summed *const sum = HAS_AVX2 ? summed_avx2 : summed;
    int32_t sums[ROWS][WIDEST];
    for (int32_t step = 0; step < WIDTH; step++)
        for (int32_t first = 0; first < size; first += ROWS) {
            sum(seen->words + (size_t)(first + step) * dimensions, dimensions,
                net->first + (size_t)step * dimensions * filters, dimensions, filters, sums);
            for (int32_t w = first; w < first + ROWS && w < size; w++) {
                const int32_t word = w + step - 1;
                if (word < 0 || word >= size) continue;
                for (int32_t h = 0; h < asked; h++) {
                    const float *slope = by_first + ((size_t)h * (size + 2) + w + 1) * filters;
                    made[word * asked + h] += dot(slope, sums[w - first], filters);
                }
            }
        }
}

/* `Network.shares`. `made` [size, asked] of these heads. 0 where there is no memory. */
int32_t sentinel_shares(const Network *net, const int32_t *rows, int32_t size, const int32_t *heads,
                        int32_t asked, float *made) {
    const int32_t filters = net->filters, dimensions = net->dimensions;
    const size_t wide = (size_t)(size + 2) * filters;
    Seen seen;
    if (!room(net, size, &seen)) return 0;
    float *slope = malloc(sizeof(float) * (2 * filters + dimensions + asked * wide));
    if (!slope) {
        free(seen.told);
        return 0;
    }
    float *by_mean = slope + 2 * filters, *by_first = by_mean + dimensions;
    see(net, rows, size, &seen);
    for (int32_t h = 0; h < asked; h++) {
        slopes_of_units(net, &seen, heads[h], slope);
        slopes_of_first(net, &seen, slope, size, by_first + h * wide);
        for (int32_t w = 0; w < size; w++) {
            const int16_t *vector = seen.words + (size_t)(w + 1) * dimensions;
            float by_word = 0;
            for (int32_t d = 0; d < dimensions; d++) by_word += vector[d] * by_mean[d];
            made[w * asked + h] = by_word / (float)size;
        }
    }
    share_by_first(net, &seen, size, by_first, asked, made);
    free(slope);
    free(seen.told);
    return 1;
}

/* `_language_model.summed`: the vectors of all n-grams of one to five of `codes` [count], which begin and end
   with a blank, into `made` [dimensions]; returns how many. `table` [65536, dimensions]. */
int32_t sentinel_language(const int8_t *table, int32_t dimensions, const uint32_t *codes, int32_t count,
                          int32_t *made) {
    int32_t grams = 0;
    memset(made, 0, sizeof(int32_t) * dimensions);
    for (int32_t i = 0; i < count; i++) {
        uint64_t hash = 0;
        for (int32_t size = 1; size <= 5 && i + size <= count; size++) {
            if (size > 2 && codes[i + size - 2] == BLANK) break;
            hash = (hash + codes[i + size - 1]) * BASE;
            if (codes[i] == BLANK && (size == 1 || (size == 2 && codes[i + 1] == BLANK))) continue;
            const int8_t *vector = table + (size_t)bucket(folded(hash) * BASE) * dimensions;
            for (int32_t d = 0; d < dimensions; d++) made[d] += vector[d];
            grams++;
        }
    }
    return grams;
}

/* Kinds of characters, `_injection_kernel.kinds`, and what a text may have, `_injection_signs`. */
enum { STARTS = 1, WORDLY = 2, INSIDE = 4, STOPS = 8, QUOTES = 16, GAP = 32, DOT = 64, SLASH = 128, COMMA = 256,
       HEX = 512, DIGIT = 1024, SPACE = 2048, ESCAPE = 4096, OPENS = 8192, BIT = 16384, UNSPACED = 32768 };
enum { LONG = 1, ESCAPED = 2, NUMBERS = 4, BINARY = 8, PAIRED = 16, APART = 32, DOTTED = 64, QUOTED = 128 };

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

/* Which of the signs a text has; -1 where it has letters that `kinds` does not tell, or of a script without blanks. */
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
        if ((kind & COMMA || is_x(of, i)) && next & HEX && kind_at(of, i + 2) & HEX && kind_at(of, i + 3) & COMMA &&
            kind_at(of, i + 4) & HEX && (kind_at(of, i + 5) & HEX || is_x(of, i + 5)))
            found |= PAIRED;
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
    while (known->slots[slot] >= 0 && memcmp(known->texts + (size_t)known->slots[slot] * LONGEST, token, LONGEST))
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

/* `Compiled.read`: the tokens of `codes` [size] into `made` [5, size + 1]: starts, ends, numbers, -1 where there is
   none yet, and the places among them of those in ASCII without a number, and of those not in ASCII, which have
   none here. `told`: how many of either, the text's signs, and how many characters all tokens have. Returns how
   many tokens there are; -1 where one is longer than LONGEST, and see `signs_of`. */
int32_t sentinel_tokens(const Vocabulary *known, const uint32_t *codes, int32_t size, int32_t *made, int32_t *told) {
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

/* `Compiled.learn`: puts tokens of a text into the vocabulary, those at `lacking` [asked] of `spans` [2, count], each
   in ASCII and of its class in `classes`, and gives each its number: the next one from `next` on, if it is the
   first. Returns the next number then. */
int32_t sentinel_learn(const Words *words, const Vocabulary *known, const uint32_t *codes, const int32_t *spans,
                       int32_t count, const int32_t *lacking, const char *classes, int32_t asked, int32_t next,
                       int32_t *numbers) {
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
            const uint64_t triple = classes[first] * 0x10001 + classes[second] * 0x1003 + classes[i] * 0x35 + 977;
            note(&once, (triple * MIX) >> 9, first);
        }
        first = second;
        second = i;
    }
    return once.count;
}
