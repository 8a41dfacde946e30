import { randomBytes } from 'node:crypto';
import { S3Error } from './error.ts';

/** An object that is being put in parts. */
interface Upload {
  readonly key: string;
  readonly parts: Map<number, Buffer>;
}

/** Multipart uploads that are neither complete nor aborted. */
export class Uploads {
  readonly #uploads = new Map<string, Upload>();

  /** Returns the new upload's ID. */
  create(key: string): string {
    const id = randomBytes(12).toString('hex');
    this.#uploads.set(id, { key, parts: new Map() });
    return id;
  }

  /** @throws {S3Error} 404 `NoSuchUpload` */
  get(id: string): Upload {
    const upload = this.#uploads.get(id);
    if (upload === undefined) throw new S3Error(404, 'NoSuchUpload', 'the upload does not exist');
    return upload;
  }

  /** Ends an upload; returns the object that its named parts make. @throws {S3Error} 400 `InvalidPart` */
  complete(id: string, numbers: readonly number[]): Buffer {
    const { parts } = this.get(id);
    const chosen = numbers.map((number) => {
      const part = parts.get(number);
      if (part === undefined) throw new S3Error(400, 'InvalidPart', `there is no part ${number}`);
      return part;
    });
    this.#uploads.delete(id);
    return Buffer.concat(chosen);
  }

  abort(id: string): void {
    this.get(id);
    this.#uploads.delete(id);
  }

  list(prefix: string): { readonly id: string; readonly key: string }[] {
    const all = Array.from(this.#uploads, ([id, { key }]) => ({ id, key }));
    return all.filter(({ key }) => key.startsWith(prefix)).sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}
