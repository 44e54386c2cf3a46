package io.sambay4j.model;

import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * GMU (Ren et al. 2025): out = out_proj · (silu(in_proj · u) ⊙ m), where m is the same token's
 * memory. The normalised form puts an RMSNorm between the product and out_proj. Nothing is kept
 * between tokens.
 *
 * @param inProj [inner, hidden]
 * @param normWeight [1, inner] f32, or null for the plain form
 * @param eps of the norm
 * @param outProj [hidden, inner]
 */
record GatedMemoryUnit(Linear inProj, @Nullable Tensor normWeight, float eps, Linear outProj)
    implements Mixer {

  @Override
  public void addTo(Tensor h, Norm norm, @Nullable Tensor memory, Pass pass) {
    Tensor gate = pass.work().scan().rows(0, h.rows()); // [rows, inner]
    Tensor m = Objects.requireNonNull(memory);
    if (normWeight == null) {
      inProj.gate(norm, h, m, gate, pass);
    } else {
      inProj.apply(norm, h, gate, pass);
      pass.backend().gmu(gate, m, normWeight, eps, 1, gate);
    }
    outProj.addTo(h, gate, pass);
  }
}
