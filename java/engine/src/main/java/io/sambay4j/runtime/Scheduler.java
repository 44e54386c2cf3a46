package io.sambay4j.runtime;

import io.sambay4j.model.Chunk;
import io.sambay4j.model.SambayModel;
import io.sambay4j.model.StatePool;
import io.sambay4j.runtime.Job.End;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that touches the model. Each step it runs all decoding jobs together with a piece
 * of the prompts being read, so that a long prompt does not hold up anybody's next token ({@link
 * StepPlan}). Jobs join and leave between steps.
 *
 * <p>A job is admitted when a slot is free and the growing cache has room for the longest its
 * sequence may get, beside what those that run may still take. So nobody is stopped half way
 * because a neighbour filled the cache.
 */
public final class Scheduler implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Scheduler.class);

  private final SambayModel model;
  private final StepPlan plan;
  private final Sequences sequences;
  private final Thread thread;
  private final WaitingJobs waiting; // guarded by this
  private final Deque<Runnable> commands = new ArrayDeque<>(); // guarded by this
  private boolean closed; // guarded by this
  // Of the thread alone; who was served longest ago comes first.
  private final List<Job> running = new ArrayList<>();

  private final long opened = System.nanoTime();
  private long jobsEnded;
  private long promptTokens;
  private long cachedTokens;
  private long generatedTokens;
  private long steps;
  private volatile EngineCounters counters;

  /**
   * How a scheduler works.
   *
   * @param queueLimit jobs that may wait, at least 1
   * @param chunkTokens most tokens of a prompt in one step, at least 1; fewer where a step is small
   * @param prefixCacheBytes for the prefix cache; 0: none
   * @param prefixCacheDirectory where states go that memory has no room for; null: nowhere
   * @param prefixCacheFileBytes for files there
   */
  public record Settings(
      int queueLimit,
      int chunkTokens,
      long prefixCacheBytes,
      @Nullable Path prefixCacheDirectory,
      long prefixCacheFileBytes) {
    /** No limits, no prefix cache. */
    public static final Settings PLAIN =
        new Settings(Integer.MAX_VALUE, Integer.MAX_VALUE, 0, null, 0);
  }

  /** Takes the model over: {@link #close} closes it. */
  public Scheduler(SambayModel model) {
    this(model, Settings.PLAIN);
  }

  /** Takes the model over: {@link #close} closes it. */
  public Scheduler(SambayModel model, Settings settings) {
    this.model = model;
    int besideOthers = model.maxStepTokens() - (model.states().slots() - 1);
    this.plan = new StepPlan(model.maxStepTokens(), Math.min(besideOthers, settings.chunkTokens()));
    this.waiting = new WaitingJobs(settings.queueLimit());
    boolean keeps = settings.prefixCacheBytes() > 0 && model.states().freeParkingPlaces() > 0;
    this.sequences =
        new Sequences(
            model,
            keeps
                ? new PrefixCache(
                    model,
                    settings.prefixCacheBytes(),
                    settings.prefixCacheDirectory(),
                    settings.prefixCacheFileBytes())
                : null);
    this.counters = count();
    this.thread = new Thread(this::loop, "sambay-engine");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Queues a job. One with a sequence joins the next step; one without waits until a slot is free.
   * It fails if no slot will become free by itself, because sessions hold them all, and so does one
   * that needs more of the growing cache than there is or will be.
   *
   * @throws IllegalStateException after close
   * @throws io.sambay4j.EngineBusyException if the queue is full
   */
  public void submit(Job job) {
    submitAll(List.of(job));
  }

  /** Queues jobs, all or none, see {@link #submit}. */
  public synchronized void submitAll(List<? extends Job> jobs) {
    checkOpen();
    waiting.add(jobs, Math.max(0, model.states().slots() - counters.running()));
    notifyAll();
  }

  /**
   * Runs something between two steps and waits for it.
   *
   * @throws IllegalStateException after close, also if the model is closed before its turn comes,
   *     and on the engine's own thread
   */
  public <T> T call(Supplier<T> command) {
    checkMayWait();
    CompletableFuture<T> result = new CompletableFuture<>();
    synchronized (this) {
      checkOpen();
      commands.add(
          () -> {
            try {
              checkOpen();
              result.complete(command.get());
            } catch (Throwable failure) { // handed to the caller
              result.completeExceptionally(failure);
            }
          });
      notifyAll();
    }
    return join(result);
  }

  /**
   * As {@link #call}, for giving things back: does nothing once the model is closed, which has
   * freed everything already, and does not wait on the engine's own thread.
   */
  public void release(Runnable command) {
    if (isEngineThread()) {
      synchronized (this) {
        commands.add(
            () -> {
              if (!isClosed()) {
                command.run();
              }
            });
      }
      return;
    }
    try {
      call(
          () -> {
            command.run();
            return true;
          });
    } catch (IllegalStateException e) {
      if (!isClosed()) {
        throw e;
      }
    }
  }

  private static <T> T join(CompletableFuture<T> result) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return result.get();
        } catch (InterruptedException e) {
          interrupted = true; // a command is short; the caller sees its interrupt afterwards
        } catch (ExecutionException e) {
          if (e.getCause() instanceof RuntimeException cause) {
            throw cause;
          }
          if (e.getCause() instanceof Error cause) {
            throw cause;
          }
          throw new IllegalStateException(e.getCause());
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Whether this is the thread that runs the steps, and with them every callback. */
  public boolean isEngineThread() {
    return Thread.currentThread() == thread;
  }

  /**
   * Waiting on the engine's thread would wait for itself.
   *
   * @throws IllegalStateException in a callback
   */
  public void checkMayWait() {
    if (isEngineThread()) {
      throw new IllegalStateException(
          "a callback of a generation cannot wait for the model, which waits for the callback; hand the work to another"
              + " thread");
    }
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  /**
   * Returns if the model can be used.
   *
   * @throws IllegalStateException after close
   */
  public synchronized void checkOpen() {
    if (closed) {
      throw closedException();
    }
  }

  private static IllegalStateException closedException() {
    return new IllegalStateException("the model is closed");
  }

  /** What has been counted up to the last step. */
  public EngineCounters counters() {
    return counters;
  }

  /** Jobs in the queue now. */
  public synchronized int waitingJobs() {
    return waiting.size();
  }

  /** What sequences gave back when they ended may have become the prefix cache's alone. */
  private void takeStock() {
    sequences.trim();
    counters = count();
  }

  private EngineCounters count() {
    StatePool states = model.states();
    return new EngineCounters(
        running.size(),
        states.slots() - states.freeSlots(),
        states.blocks() - states.freeBlocks(),
        states.blocks(),
        jobsEnded,
        promptTokens,
        cachedTokens,
        generatedTokens,
        steps,
        Duration.ofNanos(System.nanoTime() - opened),
        sequences.counters());
  }

  private void loop() {
    try {
      while (await()) {
        runCommands();
        dropOverdue();
        admit();
        takeStock();
        if (!running.isEmpty()) {
          step();
        }
        takeStock();
      }
    } catch (
        Throwable
            failure) { // no step, job or command lets one out: nobody must wait for a dead thread
      log.error("the engine's thread failed; the model is closed", failure);
    }
    shutDown();
  }

  /** Waits for something to do; false once closed. */
  private synchronized boolean await() {
    while (!closed && running.isEmpty() && waiting.size() == 0 && commands.isEmpty()) {
      try {
        wait();
      } catch (InterruptedException e) {
        closed = true; // nobody but the JVM's end interrupts this thread
      }
    }
    return !closed;
  }

  private void runCommands() {
    while (true) {
      Runnable command;
      synchronized (this) {
        command = commands.poll();
      }
      if (command == null) {
        return;
      }
      try {
        command.run();
      } catch (RuntimeException e) { // of a release nobody waits for
        log.warn("giving something back failed", e);
      }
    }
  }

  private synchronized List<Job> waitingInOrder() {
    return waiting.inOrder();
  }

  private synchronized void leaveQueue(Job job) {
    waiting.remove(job);
  }

  /** Ends who was cancelled, and whose time is over. */
  private void dropOverdue() {
    long now = System.nanoTime();
    for (Job job : List.copyOf(running)) {
      End end = job.overdue(now);
      if (end != null) {
        finish(job, end, null);
      }
    }
    for (Job job : waitingInOrder()) {
      End end = job.overdue(now);
      if (end != null) {
        refuse(job, end, null);
      }
    }
  }

  /**
   * Lets those in who have room, in their order: nobody passes one who waits for memory, and one
   * who waits for a slot only those who have a sequence already.
   */
  private void admit() {
    boolean memoryIsShort = false;
    for (Job job : waitingInOrder()) {
      if (!job.mayStart() || (job.needsSequence() && model.states().freeSlots() == 0)) {
        continue;
      }
      if (memoryIsShort) {
        continue;
      }
      if (!sequences.haveRoomFor(job, running)) {
        memoryIsShort = !refuseIfHopeless(job);
        continue;
      }
      leaveQueue(job);
      try {
        sequences.start(job);
        running.add(job);
      } catch (Throwable failure) { // a copy of a state that the device refused
        end(job, End.FAILED, failure);
      }
    }
    refuseWhoseSlotNeverComes();
  }

  /** Memory comes back when somebody who runs ends: if nobody does, or it is not enough, never. */
  private boolean refuseIfHopeless(Job job) {
    boolean hopeless = running.isEmpty() || sequences.areTooSmallFor(job);
    if (hopeless) {
      refuse(job, End.FAILED, sequences.noRoom(job));
    }
    return hopeless;
  }

  /** A slot comes back when a job ends that has one of its own: if none runs, never. */
  private void refuseWhoseSlotNeverComes() {
    if (model.states().freeSlots() > 0 || running.stream().anyMatch(Job::ownsSequence)) {
      return;
    }
    for (Job job : waitingInOrder()) {
      if (job.needsSequence()) {
        refuse(
            job,
            End.FAILED,
            new IllegalStateException(
                "all %d sequence slots are held by open sessions; close one, or open the model with more sequences"
                    .formatted(model.states().slots())));
      }
    }
  }

  private void refuse(Job job, End end, @Nullable Throwable failure) {
    leaveQueue(job);
    end(job, end, failure);
  }

  private void step() {
    List<Job> jobs = new ArrayList<>();
    List<Chunk> chunks = new ArrayList<>();
    plan(jobs, chunks);
    if (jobs.isEmpty()) {
      return;
    }
    @Nullable Throwable[] failures = new Throwable[jobs.size()];
    StepEvent event = new StepEvent();
    event.begin();
    try {
      model.forward(chunks, new JobSink(jobs, failures));
      steps++;
    } catch (Throwable failure) { // the device's trouble is everybody's: nobody's tokens were fed
      log.debug("a step failed", failure);
      jobs.forEach(job -> finish(job, End.FAILED, failure));
      return;
    }
    event.end();
    write(event, jobs, chunks);
    for (int i = 0; i < jobs.size(); i++) {
      Job job = jobs.get(i);
      int generated = job.generatedTokens();
      try {
        if (job.readsPrompt()) {
          promptTokens += chunks.get(i).ids().length;
        }
        job.wasFed(chunks.get(i));
        if (failures[i] != null) {
          finish(job, End.FAILED, failures[i]);
          continue;
        }
        sequences.keepState(job);
        if (!job.goesOn()) {
          finish(job, End.DONE, null);
        }
      } catch (Throwable failure) { // from the job's listener
        finish(job, End.FAILED, failure);
      }
      generatedTokens += job.generatedTokens() - generated;
    }
  }

  private static void write(StepEvent event, List<Job> jobs, List<Chunk> chunks) {
    if (!event.shouldCommit()) {
      return;
    }
    event.sequences = jobs.size();
    for (int i = 0; i < jobs.size(); i++) {
      int rows = chunks.get(i).ids().length;
      event.rows += rows;
      if (jobs.get(i).readsPrompt()) {
        event.promptRows += rows;
      } else {
        event.decodeRows += rows;
      }
    }
    event.commit();
  }

  /** Passes logits and tokens on; a job's own trouble must not stop its neighbours. */
  @SuppressWarnings("ArrayRecordComponent")
  private record JobSink(List<Job> jobs, @Nullable Throwable[] failures)
      implements SambayModel.LogitsSink {
    @Override
    public void accept(int chunk, int token, float[] logits) {
      guard(chunk, () -> jobs.get(chunk).takeLogits(token, logits));
    }

    @Override
    public void chosen(int chunk, int token, double logProbability) {
      guard(chunk, () -> jobs.get(chunk).chosen(token, logProbability));
    }

    private void guard(int chunk, Runnable take) {
      if (failures[chunk] == null) {
        try {
          take.run();
        } catch (Throwable failure) {
          failures[chunk] = failure;
        }
      }
    }
  }

  private void plan(List<Job> jobs, List<Chunk> chunks) {
    for (Job job : List.copyOf(running)) {
      try {
        job.chooseRopeFactors(model);
      } catch (Throwable failure) { // its sequence is closed
        finish(job, End.FAILED, failure);
      }
    }
    for (StepPlan.Part part : plan.next(running)) {
      Job job = part.job();
      try {
        Chunk chunk = job.chunk(part.tokens());
        model.reserve(chunk);
        jobs.add(job);
        chunks.add(chunk);
      } catch (Throwable failure) { // no room for one that did not say how much it needs
        finish(job, End.FAILED, failure);
      }
    }
    running.removeAll(jobs);
    running.addAll(jobs);
  }

  private void finish(Job job, End end, @Nullable Throwable failure) {
    running.remove(job);
    end(job, end, failure);
  }

  private void end(Job job, End end, @Nullable Throwable failure) {
    jobsEnded++;
    cachedTokens += job.cachedTokens();
    Branches branches = job.terms().branches();
    try {
      if (branches != null) {
        branches.ended(job);
      }
      if (end != End.FAILED) {
        sequences.keepLast(job);
      }
    } catch (RuntimeException e) {
      log.warn("the state of a request that has ended could not be kept", e);
    }
    job.write(end);
    try {
      job.end(end, failure);
    } catch (Throwable e) { // an assertion in somebody's callback must not stop the engine
      log.warn("a listener failed at the end of its generation", e);
    }
  }

  private void shutDown() {
    List<Job> all = new ArrayList<>(running);
    synchronized (this) {
      closed = true;
      for (Job job : waiting.inOrder()) {
        waiting.remove(job);
        all.add(job);
      }
    }
    running.clear();
    all.forEach(job -> end(job, End.FAILED, closedException()));
    runCommands();
    sequences.close();
    counters = count();
    model.close();
  }

  /**
   * Ends all jobs after the current step, closes the model and waits for it. Closing twice changes
   * nothing.
   */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    if (isEngineThread()) {
      return; // from a callback: the loop ends after this step
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true; // the step must end before its memory goes
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
