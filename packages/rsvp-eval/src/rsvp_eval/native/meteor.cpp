// METEOR 1.5 of pairs of sentences: candidates, beam search, statistics and value.
//
// The rules, and why they are what they are, stand in metrics/meteor/{match,align,statistics}.py, which compute the
// same numbers. Here a path holds the words it has used as bits, and its matches as a chain of nodes that
// paths share. Candidates of a pair are kept where they are few and found a second time where they are many,
// so that memory grows with the lengths of the sentences and not with their product.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include "meteor_match.hpp"

namespace {

using namespace meteor;

constexpr int kBeam = 40;
constexpr int kStatistics = 23;
constexpr std::size_t kKept = 1 << 16;
constexpr double kAlpha = 0.85, kBeta = 0.2, kGamma = 0.6, kDelta = 0.75;
constexpr double kModuleWeights[] = {1.0, 0.6, 0.8, 0.6};

struct Path {
  std::int64_t words, chunks, distance;
  std::int32_t end, reach, node, parent;
  const Match* match;

  bool better(const Path& other) const {
    if (words != other.words) return words > other.words;
    if (chunks != other.chunks) return chunks < other.chunks;
    return distance < other.distance;
  }
};

struct Node {
  std::int32_t before, j;
  Match match;
};

class Aligner {
 public:
  // Leaves the last node of the best path in `last`, to follow back through `nodes`.
  void run(Candidates& candidates, std::int32_t hypothesis, std::int32_t reference) {
    nodes.clear();
    find(candidates, hypothesis, reference);
    start(hypothesis, reference);
    for (std::int32_t j = 0; j < reference; ++j) {
      const Match* begin;
      const Match* end;
      if (kept_) {
        begin = pool_.data() + pool_starts_[static_cast<std::size_t>(j)];
        end = pool_.data() + pool_starts_[static_cast<std::size_t>(j) + 1];
      } else {
        pool_.clear();
        candidates.append(j, pool_);
        begin = pool_.data();
        end = begin + pool_.size();
      }
      grown_.clear();
      if (fixed_[static_cast<std::size_t>(j)]) {
        for (std::size_t p = 0; p < paths_.size(); ++p) add(extended(paths_[p], p, j, *begin));
      } else {
        for (std::size_t p = 0; p < paths_.size(); ++p) grow(p, j, begin, end);
      }
      go_on(j);
    }
    std::size_t best = 0;
    for (Path& path : paths_) path.chunks += path.end >= 0;
    for (std::size_t p = 1; p < paths_.size(); ++p) {
      if (paths_[p].better(paths_[best])) best = p;
    }
    last = paths_[best].node;
    chunks = paths_[best].chunks;
  }

  std::vector<Node> nodes;
  std::int32_t last = -1;
  std::int64_t chunks = 0;

 private:
  static void cover(std::vector<std::uint8_t>& counts, std::int32_t first, std::int32_t length) {
    for (std::int32_t i = first; i < first + length; ++i) {
      std::uint8_t& count = counts[static_cast<std::size_t>(i)];
      if (count < 2) ++count;
    }
  }

  static bool once(const std::vector<std::uint8_t>& counts, std::int32_t first, std::int32_t length) {
    for (std::int32_t i = first; i < first + length; ++i) {
      if (counts[static_cast<std::size_t>(i)] != 1) return false;
    }
    return true;
  }

  // All candidates, and which of them are fixed.
  void find(Candidates& candidates, std::int32_t hypothesis, std::int32_t reference) {
    pool_.clear();
    pool_starts_.assign(1, 0);
    alone_.assign(static_cast<std::size_t>(reference), Match{-1, 0, 0, 0});
    over_hypothesis_.assign(static_cast<std::size_t>(hypothesis), 0);
    over_reference_.assign(static_cast<std::size_t>(reference), 0);
    kept_ = true;
    for (std::int32_t j = 0; j < reference; ++j) {
      const std::size_t begin = kept_ ? pool_.size() : 0;
      if (!kept_) pool_.clear();
      candidates.append(j, pool_);
      for (std::size_t m = begin; m < pool_.size(); ++m) {
        cover(over_hypothesis_, pool_[m].first, pool_[m].length);
        cover(over_reference_, j, pool_[m].span);
      }
      if (pool_.size() - begin == 1) alone_[static_cast<std::size_t>(j)] = pool_[begin];
      pool_starts_.push_back(pool_.size());
      if (pool_.size() > kKept) kept_ = false;
    }
    fixed_.assign(static_cast<std::size_t>(reference), 0);
    for (std::int32_t j = 0; j < reference; ++j) {
      const Match& match = alone_[static_cast<std::size_t>(j)];
      fixed_[static_cast<std::size_t>(j)] = match.first >= 0 &&
                                            once(over_hypothesis_, match.first, match.length) &&
                                            once(over_reference_, j, match.span);
    }
  }

  void start(std::int32_t hypothesis, std::int32_t reference) {
    blocks_ = (static_cast<std::size_t>(hypothesis) + 63) / 64;
    used_.assign(blocks_, 0);
    for (std::int32_t j = 0; j < reference; ++j) {
      if (fixed_[static_cast<std::size_t>(j)]) mark(used_.data(), alone_[static_cast<std::size_t>(j)]);
    }
    paths_.assign(1, Path{0, 0, 0, -1, 0, -1, 0, nullptr});
  }

  static void mark(std::uint64_t* used, const Match& match) {
    for (std::int32_t i = match.first; i < match.first + match.length; ++i) {
      used[i >> 6] |= std::uint64_t{1} << (i & 63);
    }
  }

  static bool is_free(const std::uint64_t* used, const Match& match) {
    for (std::int32_t i = match.first; i < match.first + match.length; ++i) {
      if (used[i >> 6] >> (i & 63) & 1) return false;
    }
    return true;
  }

  static Path extended(const Path& path, std::size_t parent, std::int32_t j, const Match& match) {
    const std::int64_t words = match.module == kExact ? match.length + match.span : match.length / 2 + match.span / 2;
    return {path.words + words,
            path.chunks + (path.end >= 0 && path.end != match.first),
            path.distance,
            match.first + match.length,
            j + match.span,
            path.node,
            static_cast<std::int32_t>(parent),
            &match};
  }

  void grow(std::size_t p, std::int32_t j, const Match* begin, const Match* end) {
    Path path = paths_[p];
    path.parent = static_cast<std::int32_t>(p);
    path.match = nullptr;
    if (path.reach > j) return add(path);
    const std::uint64_t* used = used_.data() + p * blocks_;
    for (const Match* match = begin; match != end; ++match) {
      if (!is_free(used, *match)) continue;
      add(extended(path, p, j, *match));
      path.distance += std::abs(match->first - j);
    }
    path.chunks += path.end >= 0;
    path.end = -1;
    add(path);
  }

  // Into the best paths so far, behind those that are as good.
  void add(const Path& path) {
    std::size_t at = grown_.size();
    if (at == kBeam) {
      if (!path.better(grown_.back())) return;
      --at;
    } else {
      grown_.push_back(path);
    }
    for (; at > 0 && path.better(grown_[at - 1]); --at) grown_[at] = grown_[at - 1];
    grown_[at] = path;
  }

  void go_on(std::int32_t j) {
    grown_used_.resize(grown_.size() * blocks_);
    for (std::size_t p = 0; p < grown_.size(); ++p) {
      Path& path = grown_[p];
      std::uint64_t* used = grown_used_.data() + p * blocks_;
      std::copy_n(used_.data() + static_cast<std::size_t>(path.parent) * blocks_, blocks_, used);
      if (path.match == nullptr) continue;
      mark(used, *path.match);
      nodes.push_back({path.node, j, *path.match});
      path.node = static_cast<std::int32_t>(nodes.size() - 1);
    }
    paths_.swap(grown_);
    used_.swap(grown_used_);
  }

  std::vector<Match> pool_, alone_;
  std::vector<std::size_t> pool_starts_;
  std::vector<std::uint8_t> over_hypothesis_, over_reference_, fixed_;
  bool kept_ = true;
  std::size_t blocks_ = 0;
  std::vector<Path> paths_, grown_;
  std::vector<std::uint64_t> used_, grown_used_;
};

void count(const Batch& batch, const Sentence& hypothesis, const Sentence& reference, const Aligner& aligned,
           std::int32_t* s) {
  std::fill_n(s, kStatistics, 0);
  s[0] = hypothesis.length;
  s[1] = reference.length;
  for (std::int32_t i = 0; i < hypothesis.length; ++i) s[2] += batch.function[hypothesis.words[i]];
  for (std::int32_t j = 0; j < reference.length; ++j) s[3] += batch.function[reference.words[j]];
  for (std::int32_t at = aligned.last; at >= 0;) {
    const Node& node = aligned.nodes[static_cast<std::size_t>(at)];
    const Match& match = node.match;
    std::int32_t* module = s + 4 + 4 * match.module;
    for (std::int32_t i = match.first; i < match.first + match.length; ++i) {
      ++module[2 * batch.function[hypothesis.words[i]]];
    }
    for (std::int32_t j = node.j; j < node.j + match.span; ++j) {
      ++module[1 + 2 * batch.function[reference.words[j]]];
    }
    s[21] += match.length;
    s[22] += match.span;
    at = node.before;
  }
  s[20] = static_cast<std::int32_t>(aligned.chunks);
}

double share(const std::int32_t* s, int side) {
  double matched = 0.0;
  for (int m = 0; m < 4; ++m) matched += kModuleWeights[m] * s[4 + 4 * m + side] * kDelta;
  for (int m = 0; m < 4; ++m) matched += kModuleWeights[m] * s[6 + 4 * m + side] * (1 - kDelta);
  const double total = kDelta * (s[side] - s[2 + side]) + (1 - kDelta) * s[2 + side];
  return total > 0 ? matched / total : 0.0;
}

double value(const std::int32_t* s) {
  const double precision = share(s, 0), recall = share(s, 1);
  if (precision == 0 || recall == 0) return 0.0;
  const double mean = 1 / ((1 - kAlpha) / precision + kAlpha / recall);
  std::int64_t matched[2] = {0, 0};
  for (int i = 4; i < 20; ++i) matched[i & 1] += s[i];
  const bool perfect = s[20] == 1 && matched[0] == s[0] && matched[1] == s[1];
  const double chunks = perfect ? 0 : s[20];
  const double matches = (static_cast<double>(s[21]) + static_cast<double>(s[22])) / 2;
  return mean * (1 - kGamma * std::pow(chunks / matches, kBeta));
}

}  // namespace

// Scores pairs of a hypothesis and a reference, both by their place among the sentences of the batch.
//
// statistics: (pairs, 23) and values: (pairs,) are written. Returns 0, or 1 where memory ran out.
extern "C" __attribute__((visibility("default"))) int rsvp_meteor(const meteor::Batch* batch,
                                                                  const std::int32_t* hypotheses,
                                                                  const std::int32_t* references,
                                                                  std::int64_t pairs, std::int32_t* statistics,
                                                                  double* values) {
  try {
    Candidates candidates(*batch);
    Aligner aligner;
    Sentence hypothesis{};
    for (std::int64_t p = 0; p < pairs; ++p) {
      if (p == 0 || hypotheses[p] != hypotheses[p - 1]) {
        hypothesis = candidates.sentence(hypotheses[p]);
        candidates.set_hypothesis(hypothesis);
      }
      const Sentence reference = candidates.sentence(references[p]);
      candidates.set_reference(reference);
      aligner.run(candidates, hypothesis.length, reference.length);
      count(*batch, hypothesis, reference, aligner, statistics + p * kStatistics);
      values[p] = value(statistics + p * kStatistics);
    }
  } catch (const std::bad_alloc&) {
    return 1;
  }
  return 0;
}
