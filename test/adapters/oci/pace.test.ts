import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pace } from '../../../src/adapters/oci/pace.ts';

/** A registry that is asked as much as the pace allows, in time of its own. */
interface Simulation {
  /** As many requests as it works on at a time; others wait. */
  workers: number;
  /** How long it works on one. */
  readonly serviceMs: number;
  /** How long a request and its answer are on their way. */
  readonly networkMs?: number;
  /** It refuses (429) what comes while it has that many. */
  mostPending?: number;
  /** Its work takes half to one and a half times as long, as if by chance but always alike. */
  readonly varies?: boolean;
}

class SimulatedRegistry {
  readonly pace: Pace;
  readonly #registry: Simulation;
  #nowMs = 0;
  #pending: { startedAtMs: number; endsAtMs: number; refused: boolean }[] = [];
  #freeAtMs: number[] = [];
  #seed = 1;

  constructor(registry: Simulation, { ceiling }: { ceiling: number }) {
    this.#registry = registry;
    this.pace = new Pace({ ceiling });
  }

  /** Lets so much time pass; returns the answers in it (refusals are none). */
  run(durationMs: number): number {
    const endMs = this.#nowMs + durationMs;
    let answers = 0;
    for (;;) {
      while (this.#pending.length < this.pace.window) this.#send();
      this.#pending.sort((a, b) => a.endsAtMs - b.endsAtMs);
      const first = this.#pending[0];
      if (first === undefined || first.endsAtMs > endMs) break;
      this.#nowMs = first.endsAtMs;
      const full = this.#pending.length >= this.pace.window;
      this.#pending.shift();
      if (first.refused) this.pace.refused({ nowMs: this.#nowMs, startedAtMs: first.startedAtMs });
      else {
        answers += 1;
        this.pace.answered({ nowMs: this.#nowMs, full });
      }
    }
    this.#nowMs = endMs;
    return answers;
  }

  #send(): void {
    const { workers, serviceMs, networkMs = 0, mostPending = Number.POSITIVE_INFINITY } = this.#registry;
    const startedAtMs = this.#nowMs;
    if (this.#pending.filter(({ refused }) => !refused).length >= mostPending) {
      this.#pending.push({ startedAtMs, endsAtMs: startedAtMs + networkMs + 1, refused: true });
      return;
    }
    this.#freeAtMs = this.#freeAtMs.filter((atMs) => atMs > startedAtMs).sort((a, b) => a - b);
    const waitsFor = this.#freeAtMs.at(-workers) ?? startedAtMs;
    const freeAtMs = Math.max(startedAtMs, this.#freeAtMs.length < workers ? startedAtMs : waitsFor);
    const doneAtMs = freeAtMs + serviceMs * this.#variation();
    this.#freeAtMs.push(doneAtMs);
    this.#pending.push({ startedAtMs, endsAtMs: doneAtMs + networkMs, refused: false });
  }

  #variation(): number {
    if (!this.#registry.varies) return 1;
    this.#seed = (this.#seed * 48271) % 2147483647;
    return 0.5 + this.#seed / 2147483647;
  }
}

const CEILING = 32;

describe('Pace', () => {
  it('reaches the ceiling with a registry that keeps up', () => {
    const simulation = new SimulatedRegistry(
      { workers: 100, serviceMs: 5, varies: true },
      { ceiling: CEILING },
    );
    simulation.run(2_000);
    assert.equal(simulation.pace.window, CEILING);
  });

  it('reaches it quickly when the way is long', () => {
    const simulation = new SimulatedRegistry(
      { workers: 16, serviceMs: 1, networkMs: 40, varies: true },
      { ceiling: CEILING },
    );
    simulation.run(1_000);
    assert.equal(simulation.pace.window, CEILING);
  });

  it('never goes above the ceiling', () => {
    for (const ceiling of [1, 2, 3, 5, 9]) {
      const simulation = new SimulatedRegistry({ workers: 100, serviceMs: 5 }, { ceiling });
      for (let round = 0; round < 50; round++) {
        simulation.run(100);
        assert.ok(simulation.pace.window <= ceiling);
      }
      assert.equal(simulation.pace.window, ceiling);
    }
  });

  for (const workers of [2, 4, 12])
    it(`stays near the best throughput of a registry with ${workers} workers, without piling up work there`, () => {
      const registry = { workers, serviceMs: 10, networkMs: 1, varies: true };
      const simulation = new SimulatedRegistry(registry, { ceiling: 64 });
      simulation.run(3_000);
      const answers = simulation.run(20_000);
      const best = (20_000 / registry.serviceMs) * workers;
      assert.ok(answers > 0.85 * best, `${answers} of ${best}`);
      assert.ok(simulation.pace.window <= 4 * Math.max(workers, 4), String(simulation.pace.window));
    });

  it('comes down when the registry becomes slower for everybody, and no further than it pays', () => {
    const registry: Simulation = { workers: 16, serviceMs: 10, varies: true };
    const simulation = new SimulatedRegistry(registry, { ceiling: 16 });
    simulation.run(3_000);
    assert.equal(simulation.pace.window, 16);
    registry.workers = 3;
    let lowest = 16;
    for (let round = 0; round < 50; round++) {
      simulation.run(100);
      lowest = Math.min(lowest, simulation.pace.window);
    }
    assert.ok(lowest < 8, String(lowest));
    assert.ok(lowest >= 4, String(lowest));
    registry.workers = 16;
    simulation.run(20_000);
    assert.equal(simulation.pace.window, 16);
  });

  it('halves on refusals, once for all that were under way, and recovers', () => {
    const registry: Simulation = { workers: 100, serviceMs: 5, networkMs: 1 };
    const simulation = new SimulatedRegistry(registry, { ceiling: CEILING });
    simulation.run(2_000);
    registry.mostPending = 10;
    simulation.run(1_000);
    for (let round = 0; round < 20; round++) {
      const answers = simulation.run(500);
      assert.ok(simulation.pace.window <= 11, String(simulation.pace.window));
      assert.ok(answers > 0.4 * (500 / 6) * 10, String(answers));
    }
    delete registry.mostPending;
    simulation.run(20_000);
    assert.equal(simulation.pace.window, CEILING);
  });

  it('halves once for a volley of refusals, and never comes down to nothing', () => {
    const pace = new Pace({ ceiling: 16 });
    for (let number = 0; number < 8; number++) pace.refused({ nowMs: 100, startedAtMs: 50 });
    assert.equal(pace.window, 4);
    for (let round = 1; round < 10; round++)
      pace.refused({ nowMs: 100 + round * 10, startedAtMs: 100 + round * 10 - 5 });
    assert.equal(pace.window, 1);
  });

  it('learns nothing from what did not wait', () => {
    const pace = new Pace({ ceiling: 64 });
    for (let number = 0; number < 1000; number++) pace.answered({ nowMs: number * 10, full: false });
    assert.equal(pace.window, 8);
  });
});
