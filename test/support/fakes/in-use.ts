/** What a cluster runs, as its API server tells it. */
import type { ImageUse, Unseen } from '../../../src/domain/in-use.ts';
import type { ImagesInUsePort } from '../../../src/ports.ts';

export class FakeImagesInUse implements ImagesInUsePort {
  uses: readonly ImageUse[] = [];
  /** Where one may not look. */
  unseen: readonly Unseen[] = [];
  looks = 0;

  async find(signal: AbortSignal) {
    signal.throwIfAborted();
    this.looks += 1;
    return { uses: this.uses, unseen: this.unseen };
  }
}
