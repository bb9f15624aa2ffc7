#include "harness/stall/stall_run.hpp"

namespace occ {

using nlohmann::json;

static void to_json(json& out, const StallSlice& slice) {
  out = json::array({slice.begin_ms, slice.end_ms, static_cast<unsigned>(slice.phase), slice.parked, slice.operations,
                     slice.table_bytes ? json(*slice.table_bytes) : json(nullptr), slice.rss_bytes});
}

static void from_json(const json& in, StallSlice& slice) {
  in.at(0).get_to(slice.begin_ms);
  in.at(1).get_to(slice.end_ms);
  slice.phase = static_cast<StallPhase>(in.at(2).get<unsigned>() % kStallPhases.size());
  in.at(3).get_to(slice.parked);
  in.at(4).get_to(slice.operations);
  if (!in.at(5).is_null()) slice.table_bytes = in.at(5).get<std::uint64_t>();
  in.at(6).get_to(slice.rss_bytes);
}

void to_json(json& out, const StallRun& run) {
  out = {{"points", run.points}, {"parked", run.parked}, {"slices", run.slices}};
}

void from_json(const json& in, StallRun& run) {
  in.at("points").get_to(run.points);
  in.at("parked").get_to(run.parked);
  in.at("slices").get_to(run.slices);
}

}  // namespace occ
