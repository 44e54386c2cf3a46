// The CUDA kernels of attention and of the cache in every order of threads and blocks that the SIMT shim knows: the
// results are equal to the bit, so nothing depends on who comes first, the last of several blocks that share a row
// included.
#include "cuda/ops.h"
#include "matrix.h"
#include "simt/orders.h"

using namespace sambay::test;
namespace cuda = sambay::cuda;

namespace {

struct Case {
  int32_t heads, kv_heads, head_dim, window;
  bool differential;
  sy_dtype activations, storage;
  bool own_keys;
};

// Two sequences in pages of 24 positions, one far into its text with `rows` rows, one at its beginning with one row.
void test_orders(const Case& c, int64_t rows, Random& random) {
  const int64_t past = 700, columns = int64_t{c.heads} * c.head_dim, kv_columns = int64_t{c.kv_heads} * c.head_dim;
  const int32_t block_tokens = 24, table_cols = 32;
  Matrix keys = random.matrix(2 * block_tokens * table_cols, kv_columns, c.storage, 8);
  Matrix values = random.matrix(2 * block_tokens * table_cols, kv_columns, c.storage, 8);
  std::vector<int32_t> table;
  for (int32_t i = 0; i < 2 * table_cols; ++i) table.push_back(2 * table_cols - 1 - i);
  Batch batch;
  batch.add(rows, 0, past);
  batch.add(1, 1, 3);
  Matrix q = random.matrix(rows + 1, columns, c.activations), subln = random.matrix(1, 2 * c.head_dim);
  Matrix k = random.matrix(rows + 1, kv_columns, c.storage), v = random.matrix(rows + 1, kv_columns, c.storage);

  std::vector<Matrix> results, caches;
  for_each_order([&](const std::string&) {
    cuda::Queue queue(0);
    Matrix y(rows + 1, columns, c.activations), kept_keys = keys, kept_values = values;
    sy_kv kv{*kept_keys.view(), *kept_values.view(), block_tokens, table_cols, table.data()};
    const auto operation = [&](const auto& body) {
      queue.begin_operation();
      body();
      queue.finish_operation();
    };
    const sy_kv_append_args append{batch.get(), k.view(), v.view(), &kv};
    if (!c.own_keys) operation([&] { cuda::kv_append(queue, append); });
    sy_tensor* own_k = c.own_keys ? k.view() : nullptr;
    sy_tensor* own_v = c.own_keys ? v.view() : nullptr;
    if (c.differential) {
      const sy_diff_attention_args args{batch.get(),  q.view(), own_k,   own_v,      &kv,
                                        subln.view(), y.view(), c.heads, c.kv_heads, c.head_dim,
                                        c.window,     0.125f,   0.3f,    0.7f,       1e-5f};
      operation([&] { cuda::diff_attention(queue, args); });
    } else {
      const sy_attention_args args{batch.get(), q.view(),   own_k,      own_v,    &kv,   y.view(),
                                   c.heads,     c.kv_heads, c.head_dim, c.window, 0.125f};
      operation([&] { cuda::attention(queue, args); });
    }
    queue.synchronize();
    results.push_back(y);
    caches.push_back(kept_keys);
  });
  for (size_t i = 1; i < results.size(); ++i) {
    CHECK(results[0].same_bytes(results[i]) && caches[0].same_bytes(caches[i]),
          "%d/%d heads of %d, window %d, %d rows: order %d gives other bits", c.heads, c.kv_heads, c.head_dim, c.window,
          static_cast<int>(rows), static_cast<int>(i));
  }
}

}  // namespace

int main() {
  Random random;
  for (const bool own_keys : {false, true}) {
    for (const int64_t rows : {1, 3, 45}) {
      for (const int32_t window : {0, 100}) {
        test_orders({8, 4, 64, window, true, SY_BF16, SY_BF16, own_keys}, rows, random);
        test_orders({6, 2, 128, window, false, SY_F16, SY_F16, own_keys}, rows, random);
        test_orders({4, 2, 64, window, false, SY_BF16, SY_BF16, own_keys}, rows, random);
      }
    }
    test_orders({4, 2, 64, 0, true, SY_F32, SY_BF16, own_keys}, 12, random);
    test_orders({4, 2, 20, 0, true, SY_F32, SY_F32, own_keys}, 5, random);
    test_orders({3, 1, 20, 0, false, SY_F32, SY_F32, own_keys}, 5, random);
  }
  return finish();
}
