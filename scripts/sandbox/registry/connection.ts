import { connect, type Socket } from 'node:net';

/** A client's connection that is passed on to a pod, byte by byte. */
export class Connection {
  readonly client: Socket;
  readonly #pod: Socket;
  readonly #takeOver: (client: Socket) => boolean;
  /** The last bytes were the pod's: the next ones of the client begin another request. */
  #answered = true;

  /**
   * @param endpoint Unix socket of the pod
   * @param takeOver called at the start of each request; true: it has taken the client over
   */
  constructor(client: Socket, endpoint: string, takeOver: (client: Socket) => boolean) {
    this.client = client;
    this.#takeOver = takeOver;
    this.#pod = connect({ path: endpoint, allowHalfOpen: true });
    this.#pod.on('error', () => client.resetAndDestroy());
    this.#pod.on('close', () => client.destroy());
    this.#pod.on('data', () => {
      this.#answered = true;
    });
    this.#pod.pipe(client);
    client.on('data', this.#forward);
    client.on('end', this.#end);
    client.once('close', () => this.#pod.destroy());
  }

  readonly #forward = (chunk: Buffer): void => {
    if (this.#answered && this.#takeOver(this.client)) {
      this.#letGo();
      this.client.unshift(chunk);
      return;
    }
    this.#answered = false;
    if (this.#pod.write(chunk)) return;
    this.client.pause();
    this.#pod.once('drain', () => this.client.resume());
  };

  readonly #end = (): void => {
    this.#pod.end();
  };

  #letGo(): void {
    this.client.off('data', this.#forward);
    this.client.off('end', this.#end);
    this.#pod.unpipe(this.client);
    this.#pod.removeAllListeners('close');
    this.#pod.destroy();
  }
}
