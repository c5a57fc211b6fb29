#include "runtime/base/sha256.h"

#include <catch2/catch.hpp>

using troupe::Sha256;

namespace {

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr char digits[] = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string digest_of(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hex(hash.digest());
}

}  // namespace

TEST_CASE("the digests are those of FIPS 180-4's examples", "[base]") {
  CHECK(digest_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(digest_of(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a digest does not depend on the pieces in which the bytes came", "[base]") {
  const std::string bytes(300, 'x');
  for (std::size_t cut = 0; cut <= bytes.size(); cut += 7) {
    Sha256 hash;
    hash.add(std::string_view(bytes).substr(0, cut));
    hash.add(std::string_view(bytes).substr(cut));
    CHECK(hex(hash.digest()) == digest_of(bytes));
  }
}

TEST_CASE("fields that join to the same bytes have other digests", "[base]") {
  Sha256 one;
  one.add_field("ab");
  one.add_field("c");
  Sha256 two;
  two.add_field("a");
  two.add_field("bc");
  CHECK(one.digest() != two.digest());
}
