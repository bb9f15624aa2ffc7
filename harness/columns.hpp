#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/cell.hpp"

namespace occ {

/// What one row of results.csv is made from: one replicate of one cell.
struct Row {
  const Cell& cell;
  const Conditions& conditions;
  std::uint32_t replicate;
  /// p of the chi-square test of the index stream, and the probability that two operations meet.
  double generator_p;
  double collision_probability;
  const Measurement& measurement;
};

struct Column {
  std::string name;
  /// With unit and, where it is not obvious, what counts.
  std::string meaning;
  std::function<std::string(const Row&)> value;
};

/// The one table of columns, in the order of the file: header, rows, documentation and the schema's test walk it.
std::span<const Column> columns();

std::vector<std::string> header();
std::vector<std::string> fields(const Row& row);

}  // namespace occ
