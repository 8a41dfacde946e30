/** The Skopeo pod's life: there when it is needed, the run's own, and gone in the end. */
import type { V1Pod } from '@kubernetes/client-node';
import { UnreachableError } from '../../domain/errors.ts';
import type { SkopeoPodPort } from '../../ports.ts';
import { pause, singleFlight } from './abort.ts';
import type { ApiClient, Wire } from './api-client.ts';
import { POD_NAME, type PodManifestOptions, podManifest, SETTINGS_ANNOTATION } from './pod-manifest.ts';
import { createPodRequests } from './pod-requests.ts';
import { type PodTrouble, podTrouble, tellTrouble } from './pod-trouble.ts';
import { isOurs, judgePod, patienceMs, podInfo } from './pod-verdict.ts';

export interface SkopeoPodOptions extends PodManifestOptions {
  /** How long the pod may take to run, a predecessor's going included. */
  readonly startTimeoutMs: number;
  /** How long an image that cannot be pulled (or a like trouble) is given to come right. */
  readonly startGraceMs: number;
  /** A pod that has less time left before its deadline is replaced. */
  readonly deadlineMarginMs: number;
  /** How long a deleted pod may take to go. */
  readonly removeTimeoutMs: number;
  /** How often the pod is looked at while it starts or goes. */
  readonly pollMs: number;
  /** `recover`: pods of other runs may be removed, too. */
  readonly anyRun?: boolean;
}

export function createSkopeoPod(api: ApiClient, options: SkopeoPodOptions): SkopeoPodPort {
  const { namespace, pollMs } = options;
  const requests = createPodRequests(api, namespace);
  const manifest = podManifest(options);
  const settings = manifest.metadata?.annotations?.[SETTINGS_ANNOTATION];

  const ensure = singleFlight(async (signal) => {
    const patience = startPatience(options);
    let created: string | undefined;
    for (;;) {
      const pod = await requests.find(signal);
      const verdict = pod && judgePod(pod, { ...options, settings, created, nowMs: api.now() });
      if (pod && verdict === 'running') return podInfo(pod);
      const trouble = pod && verdict === 'starting' ? podTrouble(pod) : undefined;
      if (verdict === 'failed' || patience.isOver(trouble)) throw await cannotStart(pod, signal);
      // Not to be abandoned half-way: the pod could appear after the teardown has looked for it.
      if (pod === undefined) created = await requests.create(manifest, new AbortController().signal);
      else if (verdict === 'spent') await requests.remove(pod, signal);
      await pause(pollMs, signal);
    }
  });

  async function cannotStart(pod: Wire<V1Pod> | undefined, signal: AbortSignal): Promise<UnreachableError> {
    const which = `The pod ${POD_NAME} in namespace ${namespace}`;
    if (pod === undefined) return new UnreachableError(`${which} is deleted again whenever it is created.`);
    const trouble = podTrouble(pod);
    const { phase, terminating } = podInfo(pod);
    const words = trouble ? tellTrouble(trouble) : terminating ? 'an older one is still terminating' : phase;
    const warning = await requests.newestWarning(pod, signal);
    const isKnown = warning === '' || (trouble?.message && warning.endsWith(trouble.message));
    const newest = isKnown ? '' : ` The cluster's newest warning: ${warning}.`;
    return new UnreachableError(`${which} does not start: ${words}.${newest}`, {
      next: startAdvice(trouble, namespace),
    });
  }

  return {
    ensure,

    async find(signal) {
      const pod = await requests.find(signal);
      return pod && podInfo(pod);
    },

    async remove(signal) {
      const pod = await requests.find(signal);
      if (pod === undefined || !isOurs(pod)) return false;
      const { uid, run: owner } = podInfo(pod);
      if (owner !== options.run && options.anyRun !== true) return false;
      await requests.remove(pod, signal);
      const giveUpAt = performance.now() + options.removeTimeoutMs;
      for (;;) {
        const now = await requests.find(signal);
        if (now === undefined || podInfo(now).uid !== uid) return true;
        if (performance.now() > giveUpAt) throw stillThere(namespace);
        await pause(pollMs, signal);
      }
    },
  };
}

/** Watches over the time for starting, and over how long one trouble has lasted. */
function startPatience({ startTimeoutMs, startGraceMs }: SkopeoPodOptions) {
  const giveUpAt = performance.now() + startTimeoutMs;
  let troubledSince: number | undefined;
  return {
    isOver(trouble: PodTrouble | undefined): boolean {
      const now = performance.now();
      troubledSince = trouble ? (troubledSince ?? now) : undefined;
      if (now > giveUpAt) return true;
      return trouble !== undefined && now - (troubledSince ?? now) >= patienceMs(trouble, startGraceMs);
    },
  };
}

/** Reasons of the kubelet and the scheduler (Kubernetes source, `pkg/kubelet/images`, `pkg/kubelet/kuberuntime`). */
const IMAGE_ADVICE =
  'Check --image, --image-pull-policy and --image-pull-secret; a cluster without internet needs the image in a mirror.';
const ADVICE = new Map([
  ['ImagePullBackOff', IMAGE_ADVICE],
  ['ErrImagePull', IMAGE_ADVICE],
  ['ErrImageNeverPull', IMAGE_ADVICE],
  ['InvalidImageName', IMAGE_ADVICE],
  ['Unschedulable', 'Make room, or choose other nodes with --node-selector and --toleration.'],
]);

function startAdvice(trouble: PodTrouble | undefined, namespace: string): string {
  const look = `See more with: kubectl -n ${namespace} describe pod ${POD_NAME}`;
  if (trouble === undefined) return `A slow cluster needs a longer --pod-timeout. ${look}`;
  return ADVICE.get(trouble.reason) ?? look;
}

function stillThere(namespace: string): UnreachableError {
  return new UnreachableError(`The pod ${POD_NAME} in namespace ${namespace} was deleted, but does not go.`, {
    next: `If its node is lost: kubectl -n ${namespace} delete pod ${POD_NAME} --force`,
  });
}
