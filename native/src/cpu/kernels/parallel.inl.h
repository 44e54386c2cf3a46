// Work shared over the pool, for kernels. Included by target/*.cc inside an unnamed namespace.

// body(index, thread) for every index in 0 .. tasks - 1, in any order, several at a time.
template <class Body>
void parallel(Pool& pool, int64_t tasks, Body body) {
  pool.run(
      tasks, [](void* context, int64_t index, int thread) { (*static_cast<Body*>(context))(index, thread); }, &body);
}

struct Run {
  int64_t first, end;
};

// Items 0 .. items - 1 in runs of neighbours, one after another: as many as there are threads share half of what is
// left, and so on, down to `least` items a run. So each thread reads long streams, and still all end together, also
// where one of them gets less of its core than the others. Hummel, Schonberg and Flynn 1992 (factoring).
class Runs {
 public:
  Runs(int64_t items, int64_t least, int64_t threads) : items_(items), least_(least), threads_(threads) {}

  int64_t count() const {
    int64_t runs = 0;
    for (int64_t first = 0; first < items_;) {
      const int64_t size = size_at(first), n = threads_ * size;
      runs += first + n < items_ ? threads_ : (items_ - first + size - 1) / size;
      first += n;
    }
    return runs;
  }

  Run at(int64_t index) const {
    int64_t first = 0, size = size_at(0);
    for (; index >= threads_; index -= threads_) {
      first += threads_ * size;
      size = size_at(first);
    }
    first += index * size;
    return {first, first + size < items_ ? first + size : items_};
  }

 private:
  // Of the runs that begin with `first`, in multiples of `least_`.
  int64_t size_at(int64_t first) const {
    const int64_t size = (items_ - first) / (2 * threads_) / least_ * least_;
    return size > least_ ? size : least_;
  }

  int64_t items_, least_, threads_;
};

// body(run, thread) for runs that cover all items.
template <class Body>
void parallel_runs(Pool& pool, int64_t items, int64_t least, Body body) {
  const Runs runs(items, least, pool.threads());
  parallel(pool, runs.count(), [&](int64_t index, int thread) { body(runs.at(index), thread); });
}
