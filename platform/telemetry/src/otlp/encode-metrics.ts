import type { Distribution, Exemplar, ExponentialCounts } from '../metrics/distribution.ts';
import type { MetricFamily, Series } from '../metrics/families.ts';
import { openTelemetryAttribute, openTelemetryName } from '../metrics/names.ts';
import { jsonAttributes, nanosecondsText, writeAttributes } from './attributes.ts';
import type { ProtoWriter } from './proto-writer.ts';

/** When the counting began, and the moment of the reading; since the epoch. */
export interface Interval {
  readonly startMs: number;
  readonly nowMs: number;
}

export interface MetricEncoding extends Interval {
  /** Base-2 exponential histograms where the counts are ours, in place of the classic buckets. */
  readonly exponential: boolean;
}

const CUMULATIVE = 2;

/** The fields of a `Metric` of OTLP; nothing may be written for a family without series. */
export function writeMetric(writer: ProtoWriter, family: MetricFamily, encoding: MetricEncoding): void {
  writer.text(1, openTelemetryName(family));
  writer.text(2, family.help);
  if (family.unit !== '') writer.text(3, family.unit);
  const series = [...family.series()];
  if (family.kind === 'histogram') {
    const isExponential = hasExponential(series, encoding);
    writer.message(isExponential ? 10 : 9, () => {
      for (const one of series)
        writer.message(1, () => writeHistogram(writer, family, one, encoding, isExponential));
      writer.varint(2, CUMULATIVE);
    });
    return;
  }
  const isCounter = family.kind === 'counter';
  writer.message(isCounter ? 7 : 5, () => {
    for (const one of series) writer.message(1, () => writeNumber(writer, family, one, encoding));
    if (!isCounter) return;
    writer.varint(2, CUMULATIVE);
    writer.bool(3, true);
  });
}

function hasExponential(series: readonly Series[], { exponential }: MetricEncoding): boolean {
  return exponential && series.every(({ cell }) => cell.distribution?.exponential !== undefined);
}

function writeNumber(writer: ProtoWriter, family: MetricFamily, series: Series, at: Interval): void {
  writer.nanoseconds(2, at.startMs);
  writer.nanoseconds(3, at.nowMs);
  writer.double(4, series.cell.value);
  writeAttributes(writer, 7, attributesOf(family, series));
}

function writeHistogram(
  writer: ProtoWriter,
  family: MetricFamily,
  series: Series,
  at: Interval,
  isExponential: boolean,
): void {
  const { distribution } = series.cell;
  if (distribution === undefined) return;
  const { count, sum, counts, exponential } = distribution;
  writeAttributes(writer, isExponential ? 1 : 9, attributesOf(family, series));
  writer.nanoseconds(2, at.startMs);
  writer.nanoseconds(3, at.nowMs);
  writer.fixed64(4, count);
  writer.double(5, sum);
  if (isExponential && exponential !== undefined) writeExponential(writer, exponential);
  else {
    writer.packedFixed64(6, counts);
    writer.packedDoubles(7, family.bounds);
  }
  for (const exemplar of distribution.exemplars)
    if (exemplar !== undefined) writer.message(isExponential ? 11 : 8, () => writeExemplar(writer, exemplar));
  if (count > 0 && Number.isFinite(distribution.min)) {
    writer.double(isExponential ? 12 : 11, distribution.min);
    writer.double(isExponential ? 13 : 12, distribution.max);
  }
}

function writeExponential(writer: ProtoWriter, { scale, offset, counts, zeros }: ExponentialCounts): void {
  writer.zigzag(6, scale);
  writer.fixed64(7, zeros);
  writer.message(8, () => {
    writer.zigzag(1, offset);
    writer.packedVarints(2, counts);
  });
}

function writeExemplar(writer: ProtoWriter, { traceId, spanId, value, atMs }: Exemplar): void {
  writer.nanoseconds(2, atMs);
  writer.double(3, value);
  writer.hex(4, spanId);
  writer.hex(5, traceId);
}

function attributesOf({ labelNames }: MetricFamily, { labels }: Series): Record<string, string> {
  const attributes: Record<string, string> = {};
  labelNames.forEach((name, index) => {
    // An empty label is none to Prometheus.
    const value = labels[index] ?? '';
    if (value !== '') attributes[openTelemetryAttribute(name)] = value;
  });
  return attributes;
}

export function jsonMetric(family: MetricFamily, encoding: MetricEncoding): object {
  const series = [...family.series()];
  const described = {
    name: openTelemetryName(family),
    description: family.help,
    ...(family.unit !== '' && { unit: family.unit }),
  };
  const times = {
    startTimeUnixNano: nanosecondsText(encoding.startMs),
    timeUnixNano: nanosecondsText(encoding.nowMs),
  };
  const pointOf = (one: Series) => ({ attributes: jsonAttributes(attributesOf(family, one)), ...times });
  if (family.kind === 'histogram') {
    const isExponential = hasExponential(series, encoding);
    const dataPoints = series.flatMap((one) => {
      const { distribution } = one.cell;
      if (distribution === undefined) return [];
      return [{ ...pointOf(one), ...jsonDistribution(family, distribution, isExponential) }];
    });
    const held = { dataPoints, aggregationTemporality: CUMULATIVE };
    return { ...described, [isExponential ? 'exponentialHistogram' : 'histogram']: held };
  }
  const dataPoints = series.map((one) => ({ ...pointOf(one), asDouble: jsonDouble(one.cell.value) }));
  if (family.kind === 'gauge') return { ...described, gauge: { dataPoints } };
  return { ...described, sum: { dataPoints, aggregationTemporality: CUMULATIVE, isMonotonic: true } };
}

function jsonDistribution(
  { bounds }: MetricFamily,
  { count, sum, counts, exemplars, exponential, min, max }: Distribution,
  isExponential: boolean,
): object {
  return {
    count: String(count),
    sum,
    ...(count > 0 && Number.isFinite(min) && { min, max }),
    ...(isExponential && exponential !== undefined
      ? {
          scale: exponential.scale,
          zeroCount: String(exponential.zeros),
          positive: { offset: exponential.offset, bucketCounts: exponential.counts.map(String) },
        }
      : { bucketCounts: counts.map(String), explicitBounds: bounds }),
    exemplars: exemplars.flatMap((exemplar) =>
      exemplar === undefined
        ? []
        : [
            {
              timeUnixNano: nanosecondsText(exemplar.atMs),
              asDouble: exemplar.value,
              spanId: exemplar.spanId,
              traceId: exemplar.traceId,
            },
          ],
    ),
  };
}

/** JSON has no word of its own for what is not finite. */
function jsonDouble(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
