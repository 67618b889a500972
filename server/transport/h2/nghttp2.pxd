"""What the door uses of libnghttp2, as its header declares it: the reading half of HPACK, and what a field may hold."""

from libc.stdint cimport uint8_t


cdef extern from "nghttp2/nghttp2.h" nogil:
    ctypedef struct nghttp2_hd_inflater

    enum:
        NGHTTP2_HD_INFLATE_FINAL, NGHTTP2_HD_INFLATE_EMIT

    ctypedef struct nghttp2_nv:
        uint8_t* name
        uint8_t* value
        size_t namelen
        size_t valuelen

    int nghttp2_hd_inflate_new(nghttp2_hd_inflater** inflater)
    void nghttp2_hd_inflate_del(nghttp2_hd_inflater* inflater)
    ssize_t nghttp2_hd_inflate_hd2(
        nghttp2_hd_inflater* inflater, nghttp2_nv* found, int* flags, const uint8_t* start, size_t size, int is_final)
    int nghttp2_hd_inflate_end_headers(nghttp2_hd_inflater* inflater)

    int nghttp2_check_header_name(const uint8_t* name, size_t size)
    int nghttp2_check_header_value(const uint8_t* value, size_t size)
