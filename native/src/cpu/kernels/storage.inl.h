// From the storage type a tensor names at run time to the C++ type a kernel is compiled for.

template <class T>
struct Type {
  using type = T;
};

// body(Type<float>{}) or body(Type<F16>{}) or body(Type<BF16>{}), by dtype.
template <class Body>
void with_storage(sy_dtype dtype, Body body) {
  switch (dtype) {
    case SY_F32:
      return body(Type<float>{});
    case SY_F16:
      return body(Type<F16>{});
    default:
      return body(Type<BF16>{});
  }
}

inline int64_t element_size(sy_dtype dtype) { return dtype == SY_F32 ? 4 : 2; }
