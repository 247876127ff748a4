//! `/v1/entities`: the devices of the home, as Pipit knows them.

use axum::Json;
use axum::extract::State;
use pipit_core::home::Reachable;
use serde::Serialize;
use utoipa::ToSchema;

use super::description::Failures;
use crate::Sources;
use crate::account::Who;
use crate::problem::Problem;

/// A device.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Entity {
    /// Its identity in the home.
    pub id: String,
    /// What the household calls it.
    pub name: String,
    /// The room or area that it is in, if that is known.
    pub area: Option<String>,
    /// What it is, such as `light`.
    pub kind: String,
    /// Everything that it may be called.
    pub names: Vec<String>,
    /// Whether it can be reached, if that is known.
    pub reachable: Option<bool>,
    /// How it is, in words.
    pub state: String,
}

impl From<&pipit_core::home::Entity> for Entity {
    fn from(entity: &pipit_core::home::Entity) -> Entity {
        let device = entity.device();
        Entity {
            id: device.id.0.clone(),
            name: device.name.clone(),
            area: device.place.clone(),
            kind: format!("{:?}", device.kind).to_lowercase(),
            names: entity.names().to_vec(),
            reachable: match entity.reachable() {
                Reachable::Yes => Some(true),
                Reachable::No => Some(false),
                Reachable::Unheard => None,
            },
            state: entity.said(),
        }
    }
}

/// The devices of the home.
#[utoipa::path(get, path = "/v1/entities", tag = "home",
    responses((status = 200, body = Vec<Entity>), Failures))]
pub(super) async fn entities(_: Who, State(sources): State<Sources>) -> Result<Json<Vec<Entity>>, Problem> {
    Ok(Json((sources.apis.entities)()))
}
