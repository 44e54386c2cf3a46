// Work shared over the pool, for kernels. Included by target/*.cc inside an unnamed namespace.

// body(index, thread) for every index in 0 .. tasks - 1, in any order, several at a time.
template <class Body>
void parallel(Pool& pool, int64_t tasks, Body body) {
  pool.run(
      tasks, [](void* context, int64_t index, int thread) { (*static_cast<Body*>(context))(index, thread); }, &body);
}
