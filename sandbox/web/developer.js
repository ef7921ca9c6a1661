// The developer drawer as a page of its own.
import {developer} from "./drawer.js";

const box = document.querySelector("main#developer");
box.classList.add("dev");
developer(box);
