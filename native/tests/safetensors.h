// Reads the goldens: the part of the safetensors format they use, and nothing it would have to guess at.
#ifndef SAMBAY_TESTS_SAFETENSORS_H_
#define SAMBAY_TESTS_SAFETENSORS_H_

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace sambay::test {

struct Golden {
  std::vector<int64_t> shape;
  std::vector<double> values;  // of F32 or I64
};

class Safetensors {
 public:
  // Throws std::runtime_error, naming the file, if anything is not as expected.
  explicit Safetensors(const std::string& path) : path_(path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) fail("cannot be opened");
    const std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    uint64_t length = 0;
    if (all.size() < 8) fail("is shorter than its header length");
    std::memcpy(&length, all.data(), 8);
    if (length > all.size() - 8) fail("is shorter than its header");
    header_ = all.substr(8, length);
    data_ = all.substr(8 + length);
    expect('{');
    do {
      const std::string name = string();
      expect(':');
      if (!tensors_.emplace(name, tensor()).second) fail("has two tensors named " + name);
    } while (accept(','));
    expect('}');
    skip_spaces();
    if (at_ != header_.size()) fail("has something after its header's object");
    if (used_ != data_.size()) fail("has data that belongs to no tensor");
  }

  bool has(const std::string& name) const { return tensors_.count(name) != 0; }
  const Golden& operator[](const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) fail("has no tensor " + name);
    return found->second;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw std::runtime_error(path_ + " " + why); }

  void skip_spaces() {
    while (at_ < header_.size() && header_[at_] == ' ') ++at_;
  }
  bool accept(char c) {
    skip_spaces();
    if (at_ >= header_.size() || header_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail("has no " + std::string(1, c) + " at byte " + std::to_string(at_) + " of its header");
  }
  std::string string() {
    expect('"');
    const size_t end = header_.find_first_of("\"\\", at_);
    if (end == std::string::npos || header_[end] == '\\') fail("has a name that is not plain");
    const std::string result = header_.substr(at_, end - at_);
    at_ = end + 1;
    return result;
  }
  std::vector<int64_t> numbers() {
    std::vector<int64_t> result;
    expect('[');
    if (accept(']')) return result;
    do {
      skip_spaces();
      const size_t begin = at_;
      int64_t value = 0;
      for (; at_ < header_.size() && header_[at_] >= '0' && header_[at_] <= '9' && at_ - begin < 15; ++at_) {
        value = value * 10 + (header_[at_] - '0');
      }
      if (at_ == begin) fail("has no number at byte " + std::to_string(at_) + " of its header");
      result.push_back(value);
    } while (accept(','));
    expect(']');
    return result;
  }
  Golden tensor() {
    std::string dtype;
    Golden golden;
    std::vector<int64_t> range;
    expect('{');
    do {
      const std::string key = string();
      expect(':');
      if (key == "dtype")
        dtype = string();
      else if (key == "shape")
        golden.shape = numbers();
      else if (key == "data_offsets")
        range = numbers();
      else
        fail("has a field " + key);
    } while (accept(','));
    expect('}');
    if (dtype != "F32" && dtype != "I64") fail("has dtype " + dtype);
    const int64_t bytes = dtype == "F32" ? 4 : 8;
    int64_t count = 1;
    for (int64_t n : golden.shape) count *= n;
    if (range.size() != 2 || range[1] - range[0] != count * bytes || range[1] > static_cast<int64_t>(data_.size())) {
      fail("has data offsets that do not fit the shape or the file");
    }
    for (int64_t i = 0; i < count; ++i) {
      const char* from = data_.data() + range[0] + i * bytes;
      if (bytes == 4) {
        float value;
        std::memcpy(&value, from, 4);
        golden.values.push_back(double{value});
      } else {
        int64_t value;
        std::memcpy(&value, from, 8);
        golden.values.push_back(static_cast<double>(value));
      }
    }
    used_ += static_cast<size_t>(count * bytes);
    return golden;
  }

  std::string path_, header_, data_;
  size_t at_ = 0, used_ = 0;
  std::map<std::string, Golden> tensors_;
};

}  // namespace sambay::test

#endif  // SAMBAY_TESTS_SAFETENSORS_H_
