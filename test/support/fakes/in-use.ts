/** What a cluster runs, as its API server tells it. */
import type { ImageUse, Unseen } from '../../../src/domain/in-use.ts';
import type { ImagesInUsePort } from '../../../src/ports.ts';

export class FakeImagesInUse implements ImagesInUsePort {
  uses: readonly ImageUse[] = [];
  /** Where one may not look. */
  unseen: readonly Unseen[] = [];
  looks = 0;
  /** Called before each look; what it throws is the API server's failure. */
  before: () => void = () => {};

  async find(signal: AbortSignal) {
    signal.throwIfAborted();
    this.looks += 1;
    this.before();
    return { uses: this.uses, unseen: this.unseen };
  }
}
