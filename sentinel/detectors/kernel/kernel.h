/* What the small classifiers of `sentinel.detectors` compute, compiled. Each file says which modules say the
   same in numpy, at length and with the reasons; `tests/detectors/test_kernel.py` holds both against each
   other. No function keeps anything or allocates but those of the network, which free what they take; lengths
   are the caller's to check. */

#ifndef KERNEL_H
#define KERNEL_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#define BLANK 32
#define HIGHEST 65535 /* code point that tables know */
#define WIDEST 256    /* dimensions and filters, at most */
#define BASE UINT64_C(0x9E3779B97F4A7C15)

INLINE uint64_t folded(uint64_t hash) { return hash ^ hash >> 29; }
INLINE uint16_t bucket(uint64_t hash) { return (uint16_t)(hash >> 48); }

INLINE uint64_t hash_of(const uint32_t *codes, int32_t size) {
    uint64_t hash = 0;
    while (size > 0) hash = hash * BASE + codes[--size];
    return hash;
}

/* The table of known words, `_classifier_grams.Words`, and `_classifier_words.word_kinds`. */
typedef struct {
    const uint8_t *kinds;
    const uint64_t *hashes;   /* [known], ascending */
    const uint64_t *clusters; /* [known + 1] */
    const int32_t *begins;    /* by the twelve highest bits of a hash, the first that has them; [4097] */
    int32_t known;
} Words;

INLINE int32_t row_of(const Words *words, uint64_t hash) {
    const uint64_t *hashes = words->hashes;
    int32_t low = words->begins[hash >> 52], high = words->begins[(hash >> 52) + 1];
    while (low < high) {
        const int32_t middle = (low + high) / 2;
        if (hashes[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low < words->known && hashes[low] == hash ? low : words->known;
}

#endif
