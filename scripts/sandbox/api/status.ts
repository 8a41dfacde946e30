import { STATUS_CODES } from 'node:http';

/** The `Status` object that an API server answers with when it does not answer with what was asked for. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: object;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly {
    readonly reason?: string;
    readonly message?: string;
    readonly field?: string;
  }[];
  readonly retryAfterSeconds?: number;
}

/** What an error is about, for its message and its details. */
export interface Subject {
  readonly group: string;
  readonly plural: string;
  readonly name: string;
}

/** A request that is refused with a `Status`. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(refusal: { code: number; reason: string; message: string; details?: StatusDetails }) {
    super(refusal.message);
    this.code = refusal.code;
    this.reason = refusal.reason;
    this.details = refusal.details;
  }

  /** The body of the answer. */
  get status(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** A handshake that the kubelet refuses behind the API server: in plain text, which is passed on as it is. */
export class KubeletRefusal extends ApiError {
  constructor(code: number, message: string) {
    super({ code, reason: STATUS_CODES[code] ?? '', message });
  }
}

/** `statefulsets.apps "name"`, or `pods "name"` in the group without a name. */
function quoted({ group, plural, name }: Subject): string {
  return `${qualified({ group, plural })} ${JSON.stringify(name)}`;
}

function qualified({ group, plural }: Pick<Subject, 'group' | 'plural'>): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function about({ group, plural, name }: Subject): StatusDetails {
  return { name, ...(group === '' ? {} : { group }), kind: plural };
}

export function badRequest(message: string): ApiError {
  return new ApiError({ code: 400, reason: 'BadRequest', message });
}

export function unauthorized(): ApiError {
  return new ApiError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
}

export function forbidden(subject: Subject, why: string): ApiError {
  const { group, plural, name } = subject;
  const what = name === '' ? qualified({ group, plural }) : quoted(subject);
  const details = about(subject);
  return new ApiError({ code: 403, reason: 'Forbidden', message: `${what} is forbidden: ${why}`, details });
}

export function notFound(subject: Subject): ApiError {
  const message = `${quoted(subject)} not found`;
  return new ApiError({ code: 404, reason: 'NotFound', message, details: about(subject) });
}

/** No such path on this server. */
export function noSuchPath(): ApiError {
  const message = 'the server could not find the requested resource';
  return new ApiError({ code: 404, reason: 'NotFound', message, details: {} });
}

export function methodNotAllowed(): ApiError {
  const message = 'the server does not allow this method on the requested resource';
  return new ApiError({ code: 405, reason: 'MethodNotAllowed', message, details: {} });
}

export function alreadyExists(subject: Subject): ApiError {
  const message = `${quoted(subject)} already exists`;
  return new ApiError({ code: 409, reason: 'AlreadyExists', message, details: about(subject) });
}

export function conflict(subject: Subject, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${quoted(subject)}: ${why}`;
  return new ApiError({ code: 409, reason: 'Conflict', message, details: about(subject) });
}

/** Another writer was faster. */
export function staleVersion(subject: Subject): ApiError {
  return conflict(
    subject,
    'the object has been modified; please apply your changes to the latest version and try again',
  );
}

export function gone(message: string): ApiError {
  return new ApiError({ code: 410, reason: 'Expired', message });
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new ApiError({ code: 415, reason: 'UnsupportedMediaType', message });
}

/** One field is wrong: `Pod "x" is invalid: spec: Forbidden: …`. */
export function invalid(
  object: { readonly group: string; readonly kind: string; readonly name: string },
  problem: { readonly field: string; readonly message: string; readonly reason?: string },
): ApiError {
  const { group, kind, name } = object;
  const what = group === '' ? kind : `${kind}.${group}`;
  const cause = {
    reason: problem.reason ?? 'FieldValueInvalid',
    message: problem.message,
    field: problem.field,
  };
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: `${what} ${JSON.stringify(name)} is invalid: ${problem.field}: ${problem.message}`,
    details: { name, ...(group === '' ? {} : { group }), kind, causes: [cause] },
  });
}

/** A JSON patch that could not be applied, a failed `test` among others. */
export function patchNotApplicable(): ApiError {
  const message = 'the server rejected our request due to an error in our request';
  return new ApiError({ code: 422, reason: 'Invalid', message, details: {} });
}

export function internalError(why: string): ApiError {
  const details = { causes: [{ message: why }] };
  return new ApiError({
    code: 500,
    reason: 'InternalError',
    message: `Internal error occurred: ${why}`,
    details,
  });
}
