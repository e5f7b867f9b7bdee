/* `_classifier_filters.py` and `_classifier_network.py`: the network over words in their order. */

#include "kernel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define FOR_AVX2 __attribute__((target("avx2")))
#define HAS_AVX2 __builtin_cpu_supports("avx2")
#else
#define FOR_AVX2
#define HAS_AVX2 0
#define summed_avx2 summed
#endif

#define WIDTH 3          /* words that a filter sees */
#define TOP 255          /* the highest answer of the first layer */
#define BLOCK 16         /* filters */
#define ROWS 4           /* words that are filtered at once */
#define WHOLE 8388608.0f /* from here on there are whole numbers alone: added and taken off, it rounds */

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
