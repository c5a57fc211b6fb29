#include "scheduler/store/fenced_writer.h"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::scheduler;

namespace {

constexpr ClusterId ours{1, 2};

struct Writer : FencedWriter {
  Writer() : FencedWriter("the store", {ours, 3, 7}) {}
};

}  // namespace

TEST_CASE("a batch goes out when the store has answered the own epoch, one at a time", "[writer]") {
  Writer writer;
  CHECK(!writer.may_send());
  writer.begin();
  CHECK(writer.may_send());
  CHECK(writer.next_commit_seq() == 8);
  writer.sent();
  CHECK(!writer.may_send());
  CHECK(std::get<Committed>(writer.on_stored()).commit_seq == 8);
  writer.begin();
  CHECK(!writer.may_send());
  CHECK(!writer.on_epoch(3));
  CHECK(writer.may_send());
}

TEST_CASE("a nil answer is settled by the epoch behind it", "[writer]") {
  Writer writer;
  writer.begin();
  writer.sent();
  writer.on_nil();
  CHECK(!writer.may_send());
  SECTION("it moved") { CHECK(std::get<Fenced>(*writer.on_epoch(4)).epoch == 4); }
  SECTION("it did not") {
    CHECK(!writer.on_epoch(3));
    CHECK(writer.may_send());
    CHECK(writer.is_whole());
  }
  SECTION("it went back") { CHECK(std::holds_alternative<StoreLost>(*writer.on_epoch(2))); }
}

TEST_CASE("a batch whose answer was lost is neither failed nor done until the next connection has looked", "[writer]") {
  Writer writer;
  writer.begin();
  writer.sent();
  writer.on_connection_lost();
  CHECK(!writer.may_send());
  SECTION("it is not there: again") {
    CHECK(!writer.on_connected({ours, 3, 7}));
    CHECK(writer.may_send());
    CHECK(writer.is_whole());
  }
  SECTION("it is there: its number again, then it is committed") {
    CHECK(!writer.on_connected({ours, 3, 8}));
    CHECK(writer.may_send());
    CHECK(!writer.is_whole());
    writer.sent();
    CHECK(std::get<Committed>(writer.on_stored()).commit_seq == 8);
  }
  SECTION("another scheduler took over") { CHECK(std::get<Fenced>(*writer.on_connected({ours, 4, 8})).epoch == 4); }
  SECTION("the store lost something, or is another one, or somebody else writes to it") {
    const StoreAge found =
        GENERATE(StoreAge{ours, 3, 6}, StoreAge{ours, 2, 7}, StoreAge{ClusterId{9, 9}, 3, 7}, StoreAge{ours, 3, 9});
    CHECK(std::holds_alternative<StoreLost>(*writer.on_connected(found)));
  }
}
