/** As those of the kitchen. */
export const outdoor: readonly (readonly [words: RegExp, drawing: string])[] = [
  [
    /backpack/i,
    '<path d="M38 24c0-14 24-14 24 0" fill="none" stroke="c" stroke-width="5"/><path d="M28 40c0-24 44-24 44 0v38a7 7 0 0 1-7 7H35a7 7 0 0 1-7-7z" fill="a"/><path d="M34 56h32v24H34z" fill="b"/><path d="M34 56h32v7H34z" fill="c"/><path d="M28 50h-6v26h6M72 50h6v26h-6" fill="none" stroke="c" stroke-width="5"/><rect x="44" y="34" width="12" height="10" rx="2" fill="d"/>',
  ],
  [
    /base layer/i,
    '<path d="M36 18c6 7 22 7 28 0l22 12-8 20-9-4v38H31V46l-9 4-8-20z" fill="a"/><path d="M36 18c6 7 22 7 28 0l5 3c-8 11-30 11-38 0z" fill="c"/><path d="M31 46l-3-14M69 46l3-14" stroke="b" stroke-width="3"/>',
  ],
  [
    /jacket/i,
    '<path d="M38 20h24l22 16-6 30-10-3v22H32V63l-10 3-6-30z" fill="a"/><path d="M36 22c2-14 26-14 28 0L50 34z" fill="c"/><path d="M50 34v51" stroke="d" stroke-width="2.5"/><path d="M36 60h8M56 60h8" stroke="b" stroke-width="4" stroke-linecap="round"/>',
  ],
  [
    /socks/i,
    '<path d="M22 18h22v34c0 6 4 8 10 12 10 6 6 20-8 18-14-2-24-14-24-28z" fill="b"/><path d="M44 18h22v34c0 6 4 8 10 12 10 6 6 20-8 18-14-2-24-14-24-28z" fill="a"/><path d="M44 18h22v9H44zM22 18h20v9H22z" fill="c"/><path d="M44 34h22M44 40h22" stroke="d" stroke-width="3" opacity=".7"/>',
  ],
  [
    /bottle/i,
    '<rect x="40" y="12" width="20" height="14" rx="3" fill="c"/><path d="M36 30c0-4 4-6 8-6h12c4 0 8 2 8 6v50a6 6 0 0 1-6 6H42a6 6 0 0 1-6-6z" fill="a"/><path d="M36 56h28v12H36z" fill="b"/><path d="M42 34v16" stroke="d" stroke-width="4" stroke-linecap="round" opacity=".6"/>',
  ],
  [
    /mug/i,
    '<path d="M24 34h40v38a10 10 0 0 1-10 10H34a10 10 0 0 1-10-10z" fill="a"/><path d="M64 42h16v26H64" fill="none" stroke="c" stroke-width="5" stroke-linejoin="round"/><rect x="21" y="28" width="46" height="8" rx="4" fill="c"/><path d="M32 44v24" stroke="d" stroke-width="4" stroke-linecap="round" opacity=".6"/><path d="M36 20c-4-6 4-8 0-14M50 20c-4-6 4-8 0-14" fill="none" stroke="b" stroke-width="3" stroke-linecap="round"/>',
  ],
  [
    /tent/i,
    '<path d="M50 18 92 80H8z" fill="a"/><path d="M50 18 68 80H32z" fill="b"/><path d="M50 36 60 80H40z" fill="c"/><path d="M50 18l4-6M46 12l4 6" stroke="c" stroke-width="3" stroke-linecap="round"/><path d="M8 80h84" stroke="c" stroke-width="3" stroke-linecap="round"/><path d="M8 80l-4 5M92 80l4 5" stroke="c" stroke-width="2.5"/>',
  ],
  [
    /sleeping bag/i,
    '<path d="M30 34c0-26 40-26 40 0 2 18-2 34-8 46a6 6 0 0 1-5 4H43a6 6 0 0 1-5-4c-6-12-10-28-8-46z" fill="a"/><ellipse cx="50" cy="32" rx="13" ry="12" fill="c"/><path d="M31 46h38M33 58h34M36 70h28" stroke="b" stroke-width="3.5"/><path d="M50 44v38" stroke="d" stroke-width="2.5" opacity=".7"/>',
  ],
  [
    /\bmat\b/i,
    '<path d="M26 62h56a8 8 0 0 1 0 16H26z" fill="b"/><circle cx="28" cy="54" r="24" fill="a"/><circle cx="28" cy="54" r="16" fill="none" stroke="c" stroke-width="3"/><circle cx="28" cy="54" r="8" fill="none" stroke="c" stroke-width="3"/><path d="M40 66h42" stroke="d" stroke-width="3" opacity=".6"/>',
  ],
  [
    /torch/i,
    '<path d="M12 46c4-22 72-22 76 0" fill="none" stroke="c" stroke-width="8"/><rect x="32" y="40" width="36" height="30" rx="8" fill="a"/><circle cx="50" cy="55" r="10" fill="d"/><circle cx="50" cy="55" r="5" fill="b"/><path d="M44 76l-4 12M50 76v12M56 76l4 12" stroke="d" stroke-width="3" stroke-linecap="round"/>',
  ],
  [
    /first-aid/i,
    '<path d="M38 28v-6a5 5 0 0 1 5-5h14a5 5 0 0 1 5 5v6" fill="none" stroke="c" stroke-width="5"/><rect x="16" y="28" width="68" height="52" rx="9" fill="a"/><circle cx="50" cy="54" r="18" fill="d"/><path d="M50 43v22M39 54h22" stroke="c" stroke-width="7"/>',
  ],
  [
    /floor pump/i,
    '<path d="M34 16h32" stroke="c" stroke-width="7" stroke-linecap="round"/><path d="M50 18v22" stroke="b" stroke-width="4"/><rect x="43" y="36" width="14" height="44" rx="4" fill="a"/><path d="M56 72c24 0 26-18 20-34" fill="none" stroke="c" stroke-width="4" stroke-linecap="round"/><path d="M26 84h48" stroke="c" stroke-width="6" stroke-linecap="round"/><circle cx="50" cy="66" r="8" fill="d"/><path d="M50 66l4-4" stroke="c" stroke-width="2"/>',
  ],
  [
    /light set/i,
    '<rect x="16" y="38" width="34" height="26" rx="8" fill="a"/><path d="M50 42l10-4v26l-10-4z" fill="c"/><path d="M64 42l22-8M64 51h24M64 60l22 8" stroke="d" stroke-width="4" stroke-linecap="round"/><rect x="22" y="72" width="26" height="14" rx="6" fill="b"/><circle cx="35" cy="79" r="4" fill="d"/><rect x="24" y="28" width="18" height="8" rx="3" fill="c"/>',
  ],
  [
    /lock/i,
    '<path d="M30 46 20 28l22-12 18 14 20-6-2 24" fill="none" stroke="b" stroke-width="8" stroke-linejoin="round" stroke-linecap="round"/><rect x="24" y="44" width="52" height="40" rx="10" fill="a"/><circle cx="50" cy="60" r="6" fill="c"/><path d="M50 62v12" stroke="c" stroke-width="5" stroke-linecap="round"/>',
  ],
  [
    /bands/i,
    '<g fill="none" stroke-width="7"><ellipse cx="36" cy="50" rx="18" ry="32" stroke="a"/><ellipse cx="50" cy="50" rx="18" ry="32" stroke="b"/><ellipse cx="64" cy="50" rx="18" ry="32" stroke="c"/></g>',
  ],
  [
    /rope/i,
    '<path d="M28 40C20 96 80 96 72 40" fill="none" stroke="c" stroke-width="3.5"/><g fill="a"><rect x="22" y="12" width="12" height="30" rx="6"/><rect x="66" y="12" width="12" height="30" rx="6"/></g><path d="M22 22h12M22 28h12M66 22h12M66 28h12" stroke="b" stroke-width="3"/>',
  ],
];

export const technology: readonly (readonly [words: RegExp, drawing: string])[] = [
  [
    /wireless headphones/i,
    '<path d="M20 60V50a30 30 0 0 1 60 0v10" fill="none" stroke="c" stroke-width="7"/><rect x="12" y="52" width="20" height="32" rx="10" fill="a"/><rect x="68" y="52" width="20" height="32" rx="10" fill="a"/><path d="M28 56v24M72 56v24" stroke="b" stroke-width="5" stroke-linecap="round"/><path d="M28 34a26 26 0 0 1 22-12" fill="none" stroke="d" stroke-width="2.5" opacity=".6"/>',
  ],
  [
    /in-ear/i,
    '<rect x="18" y="50" width="64" height="34" rx="14" fill="a"/><path d="M18 62h64" stroke="c" stroke-width="2.5"/><circle cx="50" cy="72" r="3" fill="d"/><g fill="b"><circle cx="34" cy="28" r="11"/><circle cx="66" cy="28" r="11"/></g><g fill="c"><rect x="38" y="30" width="7" height="18" rx="3.5"/><rect x="55" y="30" width="7" height="18" rx="3.5"/></g>',
  ],
  [
    /speaker/i,
    '<rect x="26" y="14" width="48" height="72" rx="14" fill="a"/><circle cx="50" cy="60" r="17" fill="c"/><circle cx="50" cy="60" r="8" fill="b"/><circle cx="50" cy="30" r="7" fill="c"/><path d="M34 24v18" stroke="d" stroke-width="3" stroke-linecap="round" opacity=".6"/>',
  ],
  [
    /charger/i,
    '<rect x="26" y="30" width="48" height="54" rx="10" fill="a"/><path d="M40 30V16M60 30V16" stroke="c" stroke-width="6" stroke-linecap="round"/><g fill="c"><rect x="36" y="62" width="28" height="5" rx="2.5"/><rect x="36" y="71" width="28" height="5" rx="2.5"/></g><path d="M52 36l-8 14h12l-6 10" fill="none" stroke="d" stroke-width="3" stroke-linejoin="round"/>',
  ],
  [
    /power bank/i,
    '<rect x="28" y="14" width="44" height="72" rx="9" fill="a"/><rect x="40" y="78" width="20" height="4" rx="2" fill="c"/><g fill="d"><circle cx="40" cy="26" r="2.5"/><circle cx="48" cy="26" r="2.5"/><circle cx="56" cy="26" r="2.5"/></g><path d="M54 36 40 56h12l-4 14 14-20H50z" fill="b"/>',
  ],
  [
    /cable/i,
    '<path d="M24 30c0 30 52 10 52 34S30 74 30 56s34-14 34-30" fill="none" stroke="a" stroke-width="6"/><rect x="17" y="12" width="14" height="20" rx="4" fill="c"/><rect x="57" y="8" width="14" height="20" rx="4" fill="c"/><rect x="20" y="6" width="8" height="7" rx="2" fill="b"/><rect x="60" y="2" width="8" height="7" rx="2" fill="b"/>',
  ],
  [
    /keyboard/i,
    '<rect x="8" y="32" width="84" height="42" rx="8" fill="a"/><g fill="d"><rect x="15" y="39" width="9" height="8" rx="2"/><rect x="27" y="39" width="9" height="8" rx="2"/><rect x="39" y="39" width="9" height="8" rx="2"/><rect x="51" y="39" width="9" height="8" rx="2"/><rect x="63" y="39" width="9" height="8" rx="2"/><rect x="15" y="50" width="9" height="8" rx="2"/><rect x="27" y="50" width="9" height="8" rx="2"/><rect x="39" y="50" width="9" height="8" rx="2"/><rect x="51" y="50" width="9" height="8" rx="2"/><rect x="63" y="50" width="9" height="8" rx="2"/></g><g fill="b"><rect x="75" y="39" width="10" height="8" rx="2"/><rect x="75" y="50" width="10" height="8" rx="2"/></g><rect x="27" y="61" width="45" height="7" rx="2" fill="c"/>',
  ],
  [
    /mouse/i,
    '<path d="M34 40c0-34 42-30 42 4v20c0 12-8 22-22 22S30 78 30 66c0-12 4-14 4-26z" fill="a"/><path d="M55 17v24" stroke="c" stroke-width="3"/><rect x="51" y="26" width="8" height="14" rx="4" fill="c"/><path d="M36 58c-2 12 2 20 8 23" fill="none" stroke="d" stroke-width="3.5" stroke-linecap="round" opacity=".6"/>',
  ],
  [
    /laptop stand/i,
    '<path d="M22 20h46l8 32H30z" fill="c"/><path d="M26 24h38l6 24H32z" fill="d"/><path d="M30 52h46l12 6H36z" fill="b"/><path d="M40 58 28 84h40" fill="none" stroke="a" stroke-width="7" stroke-linejoin="round" stroke-linecap="round"/>',
  ],
  [
    /webcam/i,
    '<rect x="14" y="26" width="72" height="32" rx="16" fill="a"/><circle cx="50" cy="42" r="13" fill="c"/><circle cx="50" cy="42" r="7" fill="b"/><circle cx="47" cy="39" r="2.5" fill="d"/><circle cx="73" cy="42" r="2.5" fill="d"/><path d="M50 58v12M34 84c0-18 32-18 32 0z" stroke="c" stroke-width="5" fill="c"/>',
  ],
];
