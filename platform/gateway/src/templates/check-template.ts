import { placeholdersOf } from './template.ts';

/** Everything that is wrong with a template, in Ocelot's words. */
export function checkTemplate(side: 'Upstream' | 'Downstream', template: string): readonly string[] {
  const what = `${side} Path Template`;
  const problems: string[] = [];
  if (template === '') return [`${what} cannot be empty`];
  if (template.includes('://')) problems.push(`${what} ${template} contains scheme`);
  else {
    if (!template.startsWith('/')) problems.push(`${what} ${template} doesnt start with forward slash`);
    if (template.includes('//'))
      problems.push(
        `${what} ${template} contains double forward slash, Ocelot does not support this at the moment.`,
      );
  }
  const names = placeholdersOf(template);
  if (names.length > 1 && new Set(names).size < names.length)
    problems.push(`${side}PathTemplate '${template}' has duplicated placeholder`);
  return problems;
}
