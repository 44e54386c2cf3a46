#include <memory>

#include "api/device.h"

namespace check = sambay::check;

struct sy_graph {
  sy_device* device;
  void* graph;  // the processor's
};

sy_status sy_graph_begin(sy_device* device) {
  return sambay::entry_on("graph_begin", device, device, [&] { device->call(device->table.graph_begin); });
}

sy_status sy_graph_end(sy_device* device, sy_graph** graph) {
  return sambay::entry_on("graph_end", device, graph, [&] {
    auto made = std::make_unique<sy_graph>(sy_graph{device, nullptr});
    device->call(device->table.graph_end, &made->graph);
    *graph = made.release();
  });
}

sy_status sy_graph_launch(sy_device* device, sy_graph* graph) {
  return sambay::entry_on("graph_launch", device, graph, [&] {
    check::belongs("graph", graph->device, device);
    device->call(device->table.graph_launch, graph->graph);
  });
}

void sy_graph_destroy(sy_graph* graph) {
  if (graph != nullptr) {
    std::lock_guard lock(graph->device->mutex);
    graph->device->table.graph_destroy(graph->device->self, graph->graph);
    delete graph;
  }
}
