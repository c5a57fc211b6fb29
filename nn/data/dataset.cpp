#include "nn/data/dataset.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "nn/data/cifar_file.h"
#include "nn/data/idx_file.h"
#include "nn/data/synthetic.h"

namespace troupe::nn {

namespace {

constexpr const char* fashion_mnist_folder = "/usr/share/datasets/fashion-mnist";
constexpr const char* fashion_mnist_help =
    "install the Debian package dataset-fashion-mnist, or name a folder with the four files as idx:DIR";
constexpr std::uint8_t most_label = 9;

struct Kind {
  const char* name;
  bool needs_folder;
};
constexpr std::array<Kind, 4> kinds{{{"fashion-mnist", false}, {"cifar10", true}, {"idx", true}, {"synthetic", false}}};

/// What a name says.
struct Source {
  const char* kind;
  std::string folder;
};

/// Insertions, deletions and exchanges of letters that make `b` of `a`.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t exchanged = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({exchanged, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string text_of(const Kind& kind) { return std::string(kind.name).append(kind.needs_folder ? ":DIR" : ""); }

Error unknown(const std::string& name) {
  const std::string_view asked = std::string_view(name).substr(0, name.find(':')).substr(0, 64);
  std::string there;
  const Kind* nearest = nullptr;
  std::size_t least = 4;  // Farther than this is no slip of the hand.
  for (const Kind& kind : kinds) {
    there.append(there.empty() ? "" : ", ").append(text_of(kind));
    if (const std::size_t d = distance(asked, kind.name); d < least && d < asked.size()) {
      least = d;
      nearest = &kind;
    }
  }
  return bad_input("data set '" + name + "' is unknown, there are " + there +
                   (nearest ? ": did you mean " + text_of(*nearest) + "?" : ""));
}

Result<Source> parse(const std::string& name) {
  const std::size_t colon = name.find(':');
  const std::string_view word = std::string_view(name).substr(0, colon);
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return k.name == word; });
  if (kind == kinds.end()) return unknown(name);
  const std::string folder = colon == std::string::npos ? "" : name.substr(colon + 1);
  if (kind->needs_folder && folder.empty()) {
    return bad_input("data set '" + name + "' names no folder, expected " + text_of(*kind));
  }
  if (!kind->needs_folder && colon != std::string::npos) {
    return bad_input("data set '" + name + "': found a folder, expected " + text_of(*kind) +
                     " alone: files of your own are read as idx:DIR or cifar10:DIR");
  }
  return Source{kind->name, folder};
}

bool is_there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

/// The plain file or the compressed one.
Result<std::string> find_idx(const std::string& folder, const std::string& name, const char* help) {
  const std::string plain = folder + "/" + name;
  const std::string packed = plain + ".gz";
  if (is_there(plain)) return plain;
  if (is_there(packed)) return packed;
  return Error{Fault::not_found, plain + ": found no such file, nor " + name + ".gz: " + help};
}

struct IdxPair {
  std::string images;
  std::string labels;
};

Result<IdxPair> find_pair(const std::string& folder, const std::string& part, const char* help) {
  auto images = find_idx(folder, part + "-images-idx3-ubyte", help);
  if (!images) return images.error();
  auto labels = find_idx(folder, part + "-labels-idx1-ubyte", help);
  if (!labels) return labels.error();
  return IdxPair{std::move(*images), std::move(*labels)};
}

/// Dimensions of images and labels.
Result<void> check_counts(const IdxPair& files, std::uint32_t images, std::uint32_t labels) {
  if (images == labels) return {};
  return Error{Fault::corrupt, files.labels + ": byte 4: found " + std::to_string(labels) + " labels, expected " +
                                   std::to_string(images) + ", as many as there are images in " + files.images};
}

Result<Images> load_pair(const IdxPair& files) {
  auto pixels = read_idx(files.images, 3);
  if (!pixels) return pixels.error();
  auto labels = read_idx(files.labels, 1);
  if (!labels) return labels.error();
  if (auto same = check_counts(files, pixels->dimensions[0], labels->dimensions[0]); !same) return same.error();
  const auto wrong =
      std::find_if(labels->bytes.begin(), labels->bytes.end(), [](std::uint8_t label) { return label > most_label; });
  if (wrong != labels->bytes.end()) {
    constexpr std::ptrdiff_t header = 8;
    return Error{Fault::corrupt, files.labels + ": byte " + std::to_string(header + (wrong - labels->bytes.begin())) +
                                     ": found label " + std::to_string(*wrong) + ", expected 0 to 9"};
  }
  Images images{.channels = 1, .height = pixels->dimensions[1], .width = pixels->dimensions[2]};
  images.pixels = std::move(pixels->bytes);
  images.labels = std::move(labels->bytes);
  return images;
}

Result<void> check_same_size(const Dataset& data, const std::string& test_file) {
  if (data.train.height == data.test.height && data.train.width == data.test.width) return {};
  const auto size = [](const Images& images) {
    return std::to_string(images.height) + " x " + std::to_string(images.width);
  };
  return Error{Fault::corrupt, test_file + ": byte 8: found images of " + size(data.test) + ", expected " +
                                   size(data.train) + " as in the training set"};
}

Result<Dataset> load_idx(const std::string& name, const std::string& folder, const char* help) {
  const auto train = find_pair(folder, "train", help);
  if (!train) return train.error();
  const auto test = find_pair(folder, "t10k", help);
  if (!test) return test.error();
  Dataset data{.name = name};
  for (const auto& [files, images] : {std::pair(&*train, &data.train), std::pair(&*test, &data.test)}) {
    auto loaded = load_pair(*files);
    if (!loaded) return loaded.error();
    *images = std::move(*loaded);
  }
  if (auto same = check_same_size(data, test->images); !same) return same.error();
  return data;
}

Result<void> check_idx(const std::string& folder, const char* help) {
  for (const char* part : {"train", "t10k"}) {
    const auto files = find_pair(folder, part, help);
    if (!files) return files.error();
    const auto images = read_idx_header(files->images, 3);
    if (!images) return images.error();
    const auto labels = read_idx_header(files->labels, 1);
    if (!labels) return labels.error();
    if (auto same = check_counts(*files, images->front(), labels->front()); !same) return same;
  }
  return {};
}

const std::array<const char*, 6> cifar_files{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                             "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

Result<std::string> find_cifar(const std::string& folder, const char* name) {
  const std::string path = folder + "/" + name;
  if (is_there(path)) return path;
  return Error{Fault::not_found, path + ": found no such file, expected the binary version of CIFAR-10: " +
                                     "data_batch_1.bin to data_batch_5.bin and test_batch.bin"};
}

Result<Dataset> load_cifar(const std::string& folder) {
  Dataset data{.name = "cifar10"};
  data.train.channels = data.test.channels = 3;
  data.train.height = data.train.width = data.test.height = data.test.width = 32;
  for (const char* name : cifar_files) {
    const auto path = find_cifar(folder, name);
    if (!path) return path.error();
    Images& images = name == cifar_files.back() ? data.test : data.train;
    if (auto appended = append_cifar(*path, images); !appended) return appended.error();
  }
  return data;
}

Result<void> check_cifar(const std::string& folder) {
  for (const char* name : cifar_files) {
    const auto path = find_cifar(folder, name);
    if (!path) return path.error();
    if (auto count = count_cifar(*path); !count) return count.error();
  }
  return {};
}

constexpr const char* idx_help =
    "expected train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, "
    "plain or .gz";

}  // namespace

Result<Dataset> load_dataset(const std::string& name) {
  const auto source = parse(name);
  if (!source) return source.error();
  const std::string_view kind = source->kind;
  if (kind == "synthetic") return synthetic_dataset();
  if (kind == "cifar10") return load_cifar(source->folder);
  if (kind == "idx") return load_idx("idx", source->folder, idx_help);
  return load_idx("fashion-mnist", fashion_mnist_folder, fashion_mnist_help);
}

Result<void> check_dataset(const std::string& name) {
  const auto source = parse(name);
  if (!source) return source.error();
  const std::string_view kind = source->kind;
  if (kind == "synthetic") return {};
  if (kind == "cifar10") return check_cifar(source->folder);
  if (kind == "idx") return check_idx(source->folder, idx_help);
  return check_idx(fashion_mnist_folder, fashion_mnist_help);
}

}  // namespace troupe::nn
