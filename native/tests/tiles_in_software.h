#ifndef SAMBAY_TESTS_TILES_IN_SOFTWARE_H_
#define SAMBAY_TESTS_TILES_IN_SOFTWARE_H_

#include "cpu/ops.h"

namespace sambay::test {

const Ops& ops_with_software_tiles();

}  // namespace sambay::test

#endif  // SAMBAY_TESTS_TILES_IN_SOFTWARE_H_
