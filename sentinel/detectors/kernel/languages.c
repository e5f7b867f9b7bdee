/* `_language_model.py`. */

#include "kernel.h"

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
