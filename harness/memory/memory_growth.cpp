#include "harness/memory/memory_growth.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "fmt/format.h"
#include "harness/support/process_usage.hpp"
#include "harness/workload/doc_id.hpp"

namespace occ {
namespace {

std::uint64_t beyond(std::uint64_t bytes, std::uint64_t before) {
  return bytes > before ? bytes - before : 0;
}

double ratio(std::uint64_t peak, std::uint64_t after) {
  return after == 0 ? 1 : static_cast<double>(peak) / static_cast<double>(after);
}

}  // namespace

std::uint64_t documents_per_sample(std::span<const std::uint64_t> points) {
  constexpr std::uint64_t kSamples = 512;
  return std::max<std::uint64_t>(1, points.back() / kSamples);
}

std::vector<MemoryPoint> measure_memory(const std::function<std::unique_ptr<AnyTable>()>& make,
                                        std::span<const std::uint64_t> points, std::size_t body_bytes) {
  const std::uint64_t every = documents_per_sample(points);
  std::vector<MemoryPoint> found;
  found.reserve(points.size());
  std::vector<MemorySample> samples;
  samples.reserve(points.back() / every + points.size() + 1);
  Source source;
  if (body_bytes > 0) std::memset(source.resize_for_overwrite(body_bytes), 'x', body_bytes);
  DocId id;

  malloc_trim(0);
  reset_peak_rss();
  const std::uint64_t before = MemoryUsage::now().rss_bytes;
  const std::unique_ptr<AnyTable> table = make();
  const std::unique_ptr<AnyHandle> handle = table->handle();
  const auto sample = [&](std::uint64_t documents) -> const MemorySample& {
    const std::uint64_t peak = MemoryUsage::now().rss_peak_bytes;
    malloc_trim(0);
    samples.push_back({.documents = documents,
                       .table_bytes = table->memory().total(),
                       .resident_bytes = beyond(MemoryUsage::now().rss_bytes, before),
                       .resident_peak_bytes = beyond(peak, before)});
    reset_peak_rss();
    return samples.back();
  };
  for (std::uint64_t created = 0; created < points.back();) {
    const Outcome outcome = handle->create(id(created), source.bytes());
    if (outcome.result != Result::created) {
      throw std::runtime_error(fmt::format("document {} of {} bytes was not created", created, body_bytes));
    }
    ++created;
    if (created == points[found.size()]) {
      const MemorySample& at = sample(created);
      found.push_back({.documents = created,
                       .table_bytes = at.table_bytes,
                       .resident_bytes = at.resident_bytes,
                       .huge_page_bytes = huge_page_bytes()});
    } else if (created % every == 0) {
      sample(created);
    }
  }
  judge_peaks(samples, found);
  return found;
}

double ChurnMemory::bytes_per_id() const {
  const double ids = static_cast<double>(ids_per_round) * static_cast<double>(kChurnRounds - 1);
  return ids == 0 ? 0 : static_cast<double>(beyond(last_resident_bytes, first_resident_bytes)) / ids;
}

ChurnMemory measure_churn(const std::function<std::unique_ptr<AnyTable>()>& make, std::uint64_t ids_per_round,
                          std::size_t body_bytes) {
  Source source;
  if (body_bytes > 0) std::memset(source.resize_for_overwrite(body_bytes), 'x', body_bytes);
  DocId id;
  malloc_trim(0);
  const std::uint64_t before = MemoryUsage::now().rss_bytes;
  const std::unique_ptr<AnyTable> table = make();
  table->set_gc_deletes(-1);
  const std::unique_ptr<AnyHandle> handle = table->handle();
  ChurnMemory churn{.ids_per_round = ids_per_round};
  for (std::uint64_t round = 0; round < kChurnRounds; ++round) {
    const std::uint64_t first = round * ids_per_round;
    for (std::uint64_t number = first; number < first + ids_per_round; ++number) {
      if (handle->create(id(number), source.bytes()).result != Result::created)
        throw std::runtime_error(fmt::format("document {} of {} bytes was not created", number, body_bytes));
    }
    for (std::uint64_t number = first; number < first + ids_per_round; ++number) {
      if (handle->remove(id(number), {}).result != Result::deleted)
        throw std::runtime_error(fmt::format("document {} was not deleted", number));
    }
    if (round > 0 && round + 1 < kChurnRounds) continue;
    malloc_trim(0);
    const std::uint64_t table_bytes = table->memory().total();
    const std::uint64_t resident_bytes = beyond(MemoryUsage::now().rss_bytes, before);
    if (round == 0) {
      churn.first_table_bytes = table_bytes;
      churn.first_resident_bytes = resident_bytes;
    }
    churn.last_table_bytes = table_bytes;
    churn.last_resident_bytes = resident_bytes;
  }
  return churn;
}

void judge_peaks(std::span<const MemorySample> samples, std::span<MemoryPoint> points) {
  // Backwards, with the least that comes after in hand.
  std::uint64_t least_table = UINT64_MAX;
  std::uint64_t least_resident = UINT64_MAX;
  auto sample = samples.rbegin();
  for (std::size_t i = points.size(); i-- > 0;) {
    MemoryPoint& point = points[i];
    const std::uint64_t from = i > 0 ? points[i - 1].documents : point.documents / 2;
    for (; sample != samples.rend() && sample->documents > from; ++sample) {
      least_table = std::min(least_table, sample->table_bytes);
      least_resident = std::min(least_resident, sample->resident_bytes);
      point.table_peak = std::max(point.table_peak, ratio(sample->table_bytes, least_table));
      point.resident_peak = std::max(point.resident_peak, ratio(sample->resident_peak_bytes, least_resident));
    }
  }
}

void to_json(nlohmann::json& json, const MemoryPoint& point) {
  json = {point.documents,       point.table_bytes, point.resident_bytes,
          point.huge_page_bytes, point.table_peak,  point.resident_peak};
}

void from_json(const nlohmann::json& json, MemoryPoint& point) {
  json.at(0).get_to(point.documents);
  json.at(1).get_to(point.table_bytes);
  json.at(2).get_to(point.resident_bytes);
  json.at(3).get_to(point.huge_page_bytes);
  json.at(4).get_to(point.table_peak);
  json.at(5).get_to(point.resident_peak);
}

void to_json(nlohmann::json& json, const ChurnMemory& churn) {
  json = {churn.ids_per_round, churn.first_table_bytes, churn.last_table_bytes, churn.first_resident_bytes,
          churn.last_resident_bytes};
}

void from_json(const nlohmann::json& json, ChurnMemory& churn) {
  json.at(0).get_to(churn.ids_per_round);
  json.at(1).get_to(churn.first_table_bytes);
  json.at(2).get_to(churn.last_table_bytes);
  json.at(3).get_to(churn.first_resident_bytes);
  json.at(4).get_to(churn.last_resident_bytes);
}

}  // namespace occ
