"""The household behind an equipment's alarm: for those who operate, and every look at it is recorded."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import Response

from daemon.records import Audit
from daemon.web.call import Call
from daemon.web.control import Control
from daemon.web.permission import Permission
from daemon.web.routes import Json, Routes
from estate.model import Clock
from estate.site import Site


def add_household_api(api: Routes, site: Site, control: Control, clock: Clock) -> None:
    """Adds the route. A record is handed out only after the journal has taken who asked for it (CR-9)."""
    households = {one.id: one for one in site.households}
    of_equipment = {one.id: households[one.household] for one in site.equipment if one.household in households}

    @api.post("/api/equipment/{equipment}/household", Permission.OPERATE)
    async def household(call: Call) -> Response:
        """Room, residents with their phones, and the notes that matter in an emergency."""
        equipment = call.path["equipment"]
        found = of_equipment.get(equipment)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        looked = Audit(clock.now().utc, call.session.user.id, call.console, "household", found.id, equipment)
        await control.record([looked])
        return Json(found.model_dump(mode="json"))
