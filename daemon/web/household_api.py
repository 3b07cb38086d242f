"""The household behind an equipment's alarm: for those who operate, and every look at it is recorded."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request

from daemon.records import Audit
from daemon.web.api import console_of
from daemon.web.control import Control
from daemon.web.permission import Needs, Permission
from daemon.web.sessions import Session, Sessions
from estate.model import Clock
from estate.site import Site


def add_household_api(api: APIRouter, site: Site, control: Control, sessions: Sessions, clock: Clock) -> None:
    """Adds the route. A record is handed out only after the journal holds who asked for it (CR-9)."""
    households = {one.id: one for one in site.households}
    of_equipment = {one.id: households[one.household] for one in site.equipment if one.household in households}
    operate = Depends(Needs(Permission.OPERATE, sessions, clock))

    @api.post("/api/equipment/{equipment}/household")
    async def household(request: Request, equipment: str, session: Annotated[Session, operate]) -> dict[str, Any]:
        """Room, residents with their phones, and the notes that matter in an emergency."""
        found = of_equipment.get(equipment)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        looked = Audit(clock.now().utc, session.user.id, console_of(request), "household", found.id, equipment)
        await control.record([looked])
        return found.model_dump(mode="json")
