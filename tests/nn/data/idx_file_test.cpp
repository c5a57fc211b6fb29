#include "nn/data/idx_file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "tests/nn/data/files.h"

using namespace troupe;
using namespace troupe::nn;
using namespace troupe::nn::testing;

namespace {

std::string refusal(const std::string& path, std::size_t rank = 3) {
  const auto result = read_idx(path, rank);
  REQUIRE_FALSE(result);
  CHECK(contains(result.error().message, path));
  CHECK_FALSE(contains(result.error().message, "\n"));
  return result.error().message.substr(std::min(result.error().message.size(), path.size() + 2));
}

/// Greatest memory of this process so far.
std::int64_t peak_kilobytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

TEST_CASE("what was written is read, plain and packed, under any name", "[idx]") {
  const Folder folder;
  const FileBytes entries = noise(5 * 7 * 3, 1);
  const FileBytes file = idx_file({5, 7, 3}, entries);
  FileBytes two_members = gzip(FileBytes(file.begin(), file.begin() + 40));
  const FileBytes rest = gzip(FileBytes(file.begin() + 40, file.end()));
  two_members.insert(two_members.end(), rest.begin(), rest.end());
  for (const std::string& path :
       {folder.write("plain", file), folder.write("packed.gz", gzip(file)),
        folder.write("packed-without-suffix", gzip(file)), folder.write("two", two_members)}) {
    const auto array = read_idx(path, 3);
    REQUIRE(array);
    CHECK(array->dimensions == std::vector<std::uint32_t>{5, 7, 3});
    CHECK(array->bytes == entries);
    CHECK(read_idx_header(path, 3).value() == array->dimensions);
  }
  // Larger than the first piece of memory for a packed file.
  const FileBytes large = noise(300 * 28 * 28, 2);
  const auto array = read_idx(folder.write("large.gz", gzip(idx_file({300, 28, 28}, large))), 3);
  REQUIRE(array);
  CHECK(array->bytes == large);
}

TEST_CASE("a missing file, a folder and a pipe are named", "[idx]") {
  const Folder folder;
  const std::string missing = folder.path() + "/missing";
  CHECK(read_idx(missing, 3).error() == Error{Fault::not_found, missing + ": No such file or directory"});
  CHECK(refusal(folder.path()) == "not a regular file");
  const std::string pipe = folder.path() + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(refusal(pipe) == "not a regular file");
}

TEST_CASE("a wrong magic number is refused with what was found and expected", "[idx]") {
  const Folder folder;
  CHECK(refusal(folder.write("labels", idx_file({2}, {1, 2}))) ==
        "byte 0: found 0x00000801, expected 0x00000803 (an IDX file of images): is this the right file?");
  CHECK(refusal(folder.write("images", idx_file({1, 1, 1}, {1})), 1) ==
        "byte 0: found 0x00000803, expected 0x00000801 (an IDX file of labels): is this the right file?");
  // Floats, little endian, and text.
  CHECK(contains(refusal(folder.write("f", {0, 0, 13, 3, 0, 0, 0, 0})), "found 0x00000d03"));
  CHECK(contains(refusal(folder.write("l", {3, 8, 0, 0, 0, 0, 0, 0})), "found 0x03080000"));
  CHECK(contains(refusal(folder.write("t", {'<', 'h', 't', 'm', 'l', '>'})), "found 0x3c68746d"));
}

TEST_CASE("a file cut at any byte is refused, plain and packed", "[idx]") {
  const Folder folder;
  const FileBytes file = idx_file({2, 3, 4}, noise(24, 3));
  const FileBytes packed = gzip(file);
  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    CHECK(read_idx(folder.write("cut", FileBytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size))), 3)
              .error()
              .fault == Fault::corrupt);
  }
  for (std::size_t size = 0; size < packed.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(read_idx(
        folder.write("cut", FileBytes(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size))), 3));
  }
  CHECK(refusal(folder.write("cut", FileBytes(file.begin(), file.begin() + 30))) ==
        "byte 4: found dimensions of 24 bytes in all, expected at most 14, as many as can follow");
  CHECK(refusal(folder.write("cut", FileBytes(file.begin(), file.begin() + 7))) ==
        "byte 4: the dimensions: found at most 3 more bytes, expected 12");
  CHECK(contains(refusal(folder.write("cut", FileBytes(packed.begin(), packed.end() - 9))),
                 "the compressed file is cut"));
}

TEST_CASE("bytes after the end are refused, plain and packed", "[idx]") {
  const Folder folder;
  FileBytes file = idx_file({1, 2, 2}, noise(4, 4));
  file.push_back(0);
  CHECK(refusal(folder.write("long", file)) == "byte 20: more bytes follow, expected the end of the file");
  CHECK(refusal(folder.write("long.gz", gzip(file))) ==
        "byte 20 (unpacked): more bytes follow, expected the end of the file");
}

TEST_CASE("any flipped byte of a packed file is found", "[idx]") {
  const Folder folder;
  const FileBytes entries = noise(24, 5);
  const FileBytes packed = gzip(idx_file({2, 3, 4}, entries));
  // Bytes 4 to 9 of gzip are the time, a hint and the system: they carry nothing.
  for (std::size_t i = 10; i < packed.size(); ++i) {
    FileBytes damaged = packed;
    damaged[i] ^= 0x10;
    CAPTURE(i);
    CHECK_FALSE(read_idx(folder.write("damaged.gz", damaged), 3));
  }
}

TEST_CASE("sizes beyond the file are refused before any memory is taken", "[idx]") {
  const Folder folder;
  const std::uint32_t most = 0xffffffffu;
  const std::int64_t before = peak_kilobytes();
  CHECK(contains(refusal(folder.write("huge", idx_header({most, most, most}))), "product has over 64 bits"));
  CHECK(contains(refusal(folder.write("wide", idx_header({most, most, 1}))), "expected at most 0"));
  CHECK(contains(refusal(folder.write("zero", idx_header({0, most, most}))), "found dimension 0"));
  CHECK(contains(refusal(folder.write("huge.gz", gzip(idx_header({most, most, most})))), "product has over 64 bits"));
  CHECK(contains(refusal(folder.write("wide.gz", gzip(idx_header({most, 28, 28})))), "as many as can follow"));
  // As many as deflate could pack into this file, were it not 30 MB of labels short.
  const FileBytes some = gzip(idx_file({30000, 1, 1000}, noise(30000, 6)));
  CHECK(contains(refusal(folder.write("short.gz", some)), "byte"));
  CHECK(peak_kilobytes() - before < 8192);
}

TEST_CASE("a gzip bomb is unpacked no further than its header says", "[idx]") {
  const Folder folder;
  const std::string path = folder.path() + "/bomb.gz";
  // Written piece by piece: the bytes are never in memory together before the test.
  const gzFile file = ::gzopen(path.c_str(), "wb1");
  const FileBytes header = idx_header({1, 2, 2});
  REQUIRE(::gzwrite(file, header.data(), static_cast<unsigned>(header.size())) > 0);
  const FileBytes zeros(1 << 20);
  for (int i = 0; i < 128; ++i) REQUIRE(::gzwrite(file, zeros.data(), static_cast<unsigned>(zeros.size())) > 0);
  REQUIRE(::gzclose(file) == Z_OK);
  const std::int64_t before = peak_kilobytes();
  CHECK(refusal(path) == "byte 20 (unpacked): more bytes follow, expected the end of the file");
  CHECK(peak_kilobytes() - before < 8192);
}
