"""Bytes: spans into a buffer that somebody else owns, and the byte classes of RFC 9110, section 5.6.2.

Header-only: every extension that cimports it gets its own inlined copy.
"""

from libc.stdint cimport uint8_t, uint32_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #ifdef __SSE2__
    #include <emmintrin.h>
    #endif

    #if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "faststicky's scanners read eight bytes at a time and assume a little-endian machine"
    #endif

    enum { FS_TCHAR = 1, FS_TARGET = 2, FS_DIGIT = 4, FS_HEX = 8, FS_HOST = 16 };

    /* Built once at import, in fs_classes_init: a table in code would hide the ranges that it stands for. */
    static uint8_t fs_class[256];

    static void fs_classes_init(void) {
        for (int c = 0x21; c < 0x7f; c++) {
            uint8_t k = 0;
            int alpha = (c | 0x20) >= 'a' && (c | 0x20) <= 'z', digit = c >= '0' && c <= '9';
            if (alpha || digit || strchr("!#$%&'*+-.^_`|~", c)) k |= FS_TCHAR;
            if (c != '#' && c != '\\\\') k |= FS_TARGET;
            if (digit) k |= FS_DIGIT;
            if (digit || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')) k |= FS_HEX;
            /* reg-name and IPv4address of RFC 3986, section 3.2.2, without "," (ambiguous in lists) and "%" (two digits follow) */
            if (alpha || digit || strchr("-._~!$&'()*+;=", c)) k |= FS_HOST;
            fs_class[c] = k;
        }
    }

    /* Where a run of bytes of one kind ends: sixteen bytes a step where the machine has SSE2 (every x86-64), and never a byte
       read at or behind `end`. What is left is looked at byte by byte. */

    #ifdef __SSE2__
    static inline __m128i fs_between(__m128i x, char first, char last) {  /* bytes from 0x80 on are negative: never within */
        return _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8((char)(first - 1))),
                             _mm_cmpgt_epi8(_mm_set1_epi8((char)(last + 1)), x));
    }
    #endif

    /* First byte that is not of a token (FS_TCHAR), or end. *plain: the run has letters, digits and "-" only. If it is 0, that is
       not known. */
    static inline const uint8_t *fs_token_end(const uint8_t *p, const uint8_t *end, int *plain) {
        *plain = 0;
    #ifdef __SSE2__
        while (end - p >= 16) {
            __m128i x = _mm_loadu_si128((const __m128i *)p);
            __m128i ours = _mm_or_si128(fs_between(_mm_or_si128(x, _mm_set1_epi8(0x20)), 'a', 'z'), fs_between(x, '0', '9'));
            unsigned other = 0xffffu & ~(unsigned)_mm_movemask_epi8(_mm_or_si128(ours, _mm_cmpeq_epi8(x, _mm_set1_epi8('-'))));
            if (other) {
                p += __builtin_ctz(other);
                if (!(fs_class[*p] & FS_TCHAR)) { *plain = 1; return p; }
                break;
            }
            p += 16;
        }
    #endif
        while (p < end && fs_class[*p] & FS_TCHAR) p++;
        return p;
    }

    /* First byte that may not be in a request's target (FS_TARGET), or end. */
    static inline const uint8_t *fs_target_end(const uint8_t *p, const uint8_t *end) {
    #ifdef __SSE2__
        while (end - p >= 16) {
            __m128i x = _mm_loadu_si128((const __m128i *)p);
            __m128i refused = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('#')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\\\')));
            unsigned other = 0xffffu & ~(unsigned)_mm_movemask_epi8(_mm_andnot_si128(refused, fs_between(x, 0x21, 0x7e)));
            if (other) return p + __builtin_ctz(other);
            p += 16;
        }
    #endif
        while (p < end && fs_class[*p] & FS_TARGET) p++;
        return p;
    }

    /* First control byte other than HTAB (CR and LF among them), or DEL, or end. Eight bytes a step without SSE2. */
    static inline const uint8_t *fs_value_end(const uint8_t *p, const uint8_t *end) {
        const uint64_t one = 0x0101010101010101ull, top = 0x8080808080808080ull;
        for (;;) {
    #ifdef __SSE2__
            while (end - p >= 16) {
                __m128i x = _mm_loadu_si128((const __m128i *)p);
                __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
                unsigned hit = (unsigned)_mm_movemask_epi8(_mm_or_si128(control, _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f))));
                if (hit) { p += __builtin_ctz(hit); goto found; }
                p += 16;
            }
    #endif
            while (end - p >= 8) {
                uint64_t x;
                memcpy(&x, p, 8);
                uint64_t d = x ^ (one * 0x7f);
                uint64_t hit = (((x - one * 0x20) & ~x) | ((d - one) & ~d)) & top;
                if (hit) { p += __builtin_ctzll(hit) >> 3; goto found; }
                p += 8;
            }
            while (p < end && *p >= 0x20 && *p != 0x7f) p++;
            if (p == end) return p;
        found:
            if (*p != '\\t') return p;
            p++;
        }
    }

    /* Do `bytes` bytes at p and at `lower` differ, but for the case of ASCII letters? Where `lower` is a literal, all that is
       about it is left to the compiler. */
    static inline uint64_t fs_differs(const uint8_t *p, const char *lower, size_t bytes) {
        const uint64_t one = 0x0101010101010101ull, top = 0x8080808080808080ull;
        uint64_t x = 0, want = 0, letters;
        memcpy(&x, p, bytes);
        memcpy(&want, lower, bytes);
        letters = ((want + one * (0x80 - 'a')) & ~(want + one * (0x80 - 'z' - 1)) & top & ~want) >> 2;
        return (x | letters) ^ want;
    }

    /* ASCII case-insensitive comparison with a lower-case text of ASCII. */
    static inline int fs_same(const uint8_t *p, const char *lower, size_t n) {
        size_t i;
        if (n >= 8) {
            for (i = 0; i + 8 <= n; i += 8)
                if (fs_differs(p + i, lower + i, 8)) return 0;
            return i == n || !fs_differs(p + n - 8, lower + n - 8, 8);
        }
        if (n >= 4) return !(fs_differs(p, lower, 4) | fs_differs(p + n - 4, lower + n - 4, 4));
        for (i = 0; i < n; i++)
            if (fs_differs(p + i, lower + i, 1)) return 0;
        return 1;
    }

    static inline uint64_t fs_mix(uint64_t h, uint64_t x) {
        __uint128_t m = (__uint128_t)(h ^ x) * 0x9e3779b97f4a7c15ull;
        return (uint64_t)m ^ (uint64_t)(m >> 64);
    }

    /* Hash of a short key. Keys of a table are ours, so a client cannot choose what collides. */
    static inline uint64_t fs_long_hash(const uint8_t *p, size_t n) {
        uint64_t h = 0x243f6a8885a308d3ull ^ n, x;
        for (; n >= 8; p += 8, n -= 8) { memcpy(&x, p, 8); h = fs_mix(h, x); }
        if (n) { x = 0; memcpy(&x, p, n); h = fs_mix(h, x); }
        return h;
    }

    static inline uint32_t fs_hash(const uint8_t *p, size_t n) {
        uint64_t h = fs_long_hash(p, n);
        return (uint32_t)(h ^ (h >> 32));
    }

    static inline size_t fs_put_decimal(uint8_t *out, uint64_t v) {
        uint8_t t[20]; size_t n = 0, i;
        do { t[n++] = (uint8_t)('0' + v % 10); v /= 10; } while (v);
        for (i = 0; i < n; i++) out[i] = t[n - 1 - i];
        return n;
    }

    static inline size_t fs_put_hex(uint8_t *out, uint64_t v) {
        uint8_t t[16]; size_t n = 0, i;
        do { t[n++] = (uint8_t)"0123456789abcdef"[v & 15]; v >>= 4; } while (v);
        for (i = 0; i < n; i++) out[i] = t[n - 1 - i];
        return n;
    }
    /* Sixteen digits: four bits to a byte each, then all eight bytes at once */
    static inline void fs_put_hex16(uint8_t *out, uint64_t v) {
        int half;
        for (half = 0; half < 2; half++) {
            uint64_t x = half ? v & 0xffffffffu : v >> 32;
            x = (x & 0xffff0000u) << 16 | (x & 0xffffu);
            x = (x & 0x0000ff000000ff00u) << 8 | (x & 0x000000ff000000ffu);
            x = (x & 0x00f000f000f000f0u) << 4 | (x & 0x000f000f000f000fu);
            x += 0x3030303030303030u + ((x + 0x0606060606060606u) >> 4 & 0x0101010101010101u) * ('a' - '0' - 10);
    #if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            x = __builtin_bswap64(x);
    #endif
            memcpy(out + 8 * half, &x, 8);
        }
    }
    """
    enum: FS_TCHAR, FS_TARGET, FS_DIGIT, FS_HEX, FS_HOST
    const uint8_t fs_class[256]
    void fs_classes_init() noexcept nogil
    const uint8_t *fs_token_end(const uint8_t *p, const uint8_t *end, int *plain) noexcept nogil
    const uint8_t *fs_target_end(const uint8_t *p, const uint8_t *end) noexcept nogil
    const uint8_t *fs_value_end(const uint8_t *p, const uint8_t *end) noexcept nogil
    bint fs_same(const uint8_t *p, const char *lower, size_t n) noexcept nogil
    unsigned long long fs_mix(unsigned long long h, unsigned long long x) noexcept nogil
    unsigned long long fs_long_hash(const uint8_t *p, size_t n) noexcept nogil
    uint32_t fs_hash(const uint8_t *p, size_t n) noexcept nogil
    size_t fs_put_decimal(uint8_t *out, unsigned long long v) noexcept nogil
    size_t fs_put_hex(uint8_t *out, unsigned long long v) noexcept nogil
    void fs_put_hex16(uint8_t *out, unsigned long long v) noexcept nogil


# A span is an offset and a length, never a pointer: the buffer may move between two reads.
cdef struct span_t:
    uint32_t at
    uint32_t size
