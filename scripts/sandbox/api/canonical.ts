import type { KubeObject, PodTemplate } from '../cluster/objects.ts';
import { defaultPodSpec } from './pod-defaults.ts';
import type { Resource } from './resources.ts';
import { decode } from './schema.ts';

/**
 * An object as the API server stores it: with its defaults, without what is empty, its fields in one
 * order. Two objects that mean the same are the same to the byte.
 */
export function canonical<T extends KubeObject>({ model }: Pick<Resource, 'model'>, object: T): T {
  const { template } = (object.spec ?? {}) as { template?: PodTemplate };
  if (template === undefined) return decode(model, object).value as T;
  const spec = { ...object.spec, template: { ...template, spec: defaultPodSpec(template.spec) } };
  return decode(model, { ...object, spec }).value as T;
}
