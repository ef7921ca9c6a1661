// Prints what ag-psd, a reader independent of psd-tools, sees in a PSD file: node psd_reader.mjs FILE
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createHash } from "node:crypto";

const { initializeCanvas, readPsd } = createRequire(import.meta.url)("ag-psd");
const raw = (width, height) => ({ width, height, data: new Uint8ClampedArray(width * height * 4) });
initializeCanvas(() => { throw new Error("a canvas was asked for"); }, raw);
const psd = readPsd(readFileSync(process.argv[2]), { useImageData: true, throwForMissingFeatures: true });
const digest = (image) => image && createHash("sha256").update(image.data).digest("hex");
const seen = (layer) => ({
  name: layer.name,
  hidden: !!layer.hidden,
  box: [layer.left, layer.top, layer.right, layer.bottom],
  pixels: layer.children ? undefined : digest(layer.imageData),
  text: layer.text && {
    text: layer.text.text,
    transform: layer.text.transform,
    font: layer.text.style.font.name,
    size: layer.text.style.fontSize,
    leading: layer.text.style.leading,
    fill: layer.text.style.fillColor,
    stroked: layer.text.style.strokeFlag,
    outline: layer.text.style.outlineWidth,
  },
  children: layer.children && layer.children.map(seen),
});
console.log(JSON.stringify({
  size: [psd.width, psd.height], preview: digest(psd.imageData), children: psd.children.map(seen),
}));
