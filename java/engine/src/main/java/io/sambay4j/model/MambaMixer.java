package io.sambay4j.model;

import io.sambay4j.backend.Backend.ScanArgs;
import io.sambay4j.backend.Norm;
import io.sambay4j.backend.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Mamba-1 (Gu and Dao 2023): a gated, input-dependent linear recurrence. The layer at the border of
 * the two decoders also leaves its ungated scan output behind as the memory of the gated memory
 * units (Ren et al. 2025, SambaY).
 *
 * @param layer index from 0
 * @param inProj [2 * inner, hidden]: x first, then the gate z
 * @param convWeight [taps, inner] f32
 * @param convBias [1, inner] f32, or null
 * @param xProj [rank + 2 * state, inner]: δ, B, C
 * @param dtProj [inner, rank], without its bias
 * @param dtBias [1, inner] f32: added inside the softplus
 * @param a [state, inner] f32: -exp(A_log)
 * @param d [1, inner] f32: the skip
 * @param outProj [hidden, inner]
 * @param makesMemory whether the ungated output is kept
 */
record MambaMixer(
    int layer,
    Linear inProj,
    Tensor convWeight,
    @Nullable Tensor convBias,
    Linear xProj,
    Linear dtProj,
    Tensor dtBias,
    Tensor a,
    Tensor d,
    Linear outProj,
    boolean makesMemory)
    implements Mixer {

  @Override
  public void addTo(Tensor h, Norm norm, @Nullable Tensor memory, Pass pass) {
    int rows = h.rows();
    int inner = a.cols();
    int state = a.rows();
    int rank = dtProj.weight().cols();
    Workspace work = pass.work();
    StatePool.MambaState kept = pass.states().mamba(layer);

    Tensor xz = work.xz().rows(0, rows); // [rows, 2 * inner]
    inProj.apply(norm, h, xz, pass);

    Tensor x = work.conv().rows(0, rows); // [rows, inner]
    pass.backend()
        .causalConv1d(pass.batch(), xz.cols(0, inner), convWeight, convBias, kept.convTail(), x);

    Tensor dbc = work.dbc().rows(0, rows); // [rows, rank + 2 * state]
    xProj.apply(x, dbc, pass);
    Tensor delta = work.delta().rows(0, rows); // [rows, inner]
    dtProj.apply(dbc.cols(0, rank), delta, pass);

    Tensor y = work.scan().rows(0, rows); // [rows, inner]
    pass.backend()
        .selectiveScan(
            pass.batch(),
            new ScanArgs(
                x,
                delta,
                dtBias,
                a,
                dbc.cols(rank, rank + state),
                dbc.cols(rank + state, rank + 2 * state),
                d,
                xz.cols(inner, 2 * inner),
                kept.ssm(),
                y,
                makesMemory ? Objects.requireNonNull(memory) : null));
    outProj.addTo(h, y, pass);
  }
}
