/** What a scripted server answers to which request, and how often. */

/**
 * An answer. `hang`: none ever. `cut`: the connection ends without one, after the whole request was read: the request
 * may have done its work, the answer is lost.
 */
export type ScriptedAnswer =
  | {
      /** Default: 200. */
      readonly status?: number;
      /** Beside `content-length`, which they may contradict. */
      readonly headers?: Readonly<Record<string, string | readonly string[]>>;
      /** Text, bytes, or what is to be sent as JSON. A HEAD gets the length only. */
      readonly body?: string | Uint8Array | object;
      /** How long the answer takes to begin. */
      readonly delayMs?: number;
      /** Ends the connection after that many bytes of the body; the header promises all of it. */
      readonly cutAfterBytes?: number;
    }
  | 'hang'
  | 'cut';

/** What an answer may depend on. */
interface ScriptedRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly authorized: boolean;
}

/** One line of the script: to which requests, and what. The first line that fits and has an answer left is taken. */
export type ScriptLine = {
  /** Default: every method. */
  readonly method?: string;
  /** The whole path with its query, or a pattern of it. */
  readonly path: string | RegExp;
} & (
  | { /** To every such request. */ readonly answer: Answering }
  | { /** To the first such request, the second, … */ readonly answers: readonly Answering[] }
);

type Answering = ScriptedAnswer | ((request: ScriptedRequest) => ScriptedAnswer);

/** An error as registries send it: `{"errors":[{"code":…,"message":…}]}`. */
export function errorAnswer(
  status: number,
  code: string,
  { message = code.toLowerCase().replaceAll('_', ' '), headers = {} as Record<string, string> } = {},
): Exclude<ScriptedAnswer, string> {
  const body = { errors: [{ code, message, detail: null }] };
  return { status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers }, body };
}

/** A script in progress. */
export class Script {
  readonly #lines: readonly { readonly line: ScriptLine; readonly left: Answering[] }[];
  readonly #unexpected: string[] = [];

  constructor(lines: readonly ScriptLine[]) {
    this.#lines = lines.map((line) => ({ line, left: 'answers' in line ? [...line.answers] : [] }));
  }

  /** The answer to a request; 501 to one that is not in the script, or no more. */
  answer(request: ScriptedRequest): ScriptedAnswer {
    for (const { line, left } of this.#lines) {
      if (!fits(line, request)) continue;
      const answering = 'answer' in line ? line.answer : left.shift();
      if (answering !== undefined) return typeof answering === 'function' ? answering(request) : answering;
    }
    this.#unexpected.push(`${request.method} ${request.path}`);
    return { status: 501, body: 'not in the script' };
  }

  /** @throws when something was asked for that is not in the script, or not asked for that is */
  verify(): void {
    const left = this.#lines.filter(({ left }) => left.length > 0);
    const complaints = [
      ...this.#unexpected.map((asked) => `not in the script: ${asked}`),
      ...left.map(({ line, left }) => `never asked for (${left.length}): ${line.method ?? '*'} ${line.path}`),
    ];
    if (complaints.length > 0) throw new Error(`the script was not followed\n${complaints.join('\n')}`);
  }
}

function fits({ method, path }: ScriptLine, request: ScriptedRequest): boolean {
  if (method !== undefined && method !== request.method) return false;
  return typeof path === 'string' ? path === request.path : path.test(request.path);
}
