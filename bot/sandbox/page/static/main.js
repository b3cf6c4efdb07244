// Starts the page.

import { hear, startBanner } from "./banner.js";
import { startComposer } from "./composer.js";
import { startDrawer } from "./drawer.js";
import { startGate } from "./gate.js";
import { startLog } from "./log.js";
import { startModal } from "./modal.js";
import { startPlaces } from "./places.js";
import { watchPopups } from "./popup.js";
import { listen } from "./stream.js";
import { startSuggestions } from "./suggestions.js";
import { keepRelativeTimes } from "./time.js";

watchPopups();
startSuggestions();
startPlaces();
startGate();
startLog();
startComposer();
startModal();
startDrawer();
startBanner();
keepRelativeTimes();
listen(hear);
