/** The writer of the report: how it looks, and where it is put. */
import { copyReport, requireReportPlace, writeReport } from '../adapters/storage/report-file.ts';
import type { ReportWriter } from '../ports.ts';

/** @param copyTo where the person wants a copy */
export function createReportWriter(copyTo: string | undefined): ReportWriter {
  return {
    async check() {
      if (copyTo !== undefined) await requireReportPlace(copyTo);
    },

    async write(folder, report) {
      // Loaded late: most of the time, and by --help, it is not needed.
      const { renderReport } = await import('../adapters/report/page.ts');
      return await writeReport(folder, renderReport(report));
    },

    async copy(from) {
      if (copyTo !== undefined) await copyReport(from, copyTo);
      return copyTo;
    },
  };
}
