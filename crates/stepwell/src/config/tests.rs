//! Sources of settings, and the errors about them.

use std::path::PathBuf;

use figment::Jail;

use super::sources::FILE_NAME;
use super::*;

fn load(flags: ConfigFlags) -> Config {
    Config::load(&flags).unwrap()
}

fn load_error(flags: ConfigFlags) -> String {
    Config::load(&flags).unwrap_err().message
}

#[test]
fn flags_override_the_environment_and_that_overrides_the_file() {
    Jail::expect_with(|jail| {
        assert_eq!(load(ConfigFlags::default()).server.port, 8080);
        jail.create_file(FILE_NAME, "[server]\nport = 1\n[engine]\nmax_active = 7\n")?;
        assert_eq!(load(ConfigFlags::default()).server.port, 1);
        jail.set_env("STEPWELL__SERVER__PORT", "2");
        let config = load(ConfigFlags::default());
        assert_eq!((config.server.port, config.engine.max_active), (2, 7));
        assert_eq!(load(ConfigFlags { port: Some(3), ..ConfigFlags::default() }).server.port, 3);
        Ok(())
    });
}

#[test]
fn either_variable_sets_the_data_folder_which_may_have_a_file() {
    Jail::expect_with(|jail| {
        jail.set_env("STEPWELL_DATA_DIR", "a");
        assert_eq!(load(ConfigFlags::default()).data_dir, PathBuf::from("a"));
        jail.set_env("STEPWELL__DATA_DIR", "b");
        assert_eq!(load(ConfigFlags::default()).data_dir, PathBuf::from("b"));
        jail.create_dir("b")?;
        jail.create_file("b/stepwell.toml", "log.format = \"json\"")?;
        assert_eq!(load(ConfigFlags::default()).log.format, LogFormat::Json);
        Ok(())
    });
}

#[test]
fn the_documentation_shows_every_default() {
    Jail::expect_with(|jail| {
        let page = include_str!("../../../../docs/configuration.md");
        let file = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        jail.create_file(FILE_NAME, file)?;
        let text = |config: &Config| toml::to_string(config).unwrap();
        assert_eq!(text(&load(ConfigFlags::default())), text(&Config::default()));
        for name in text(&Config::default()).lines().filter_map(|l| l.split(" = ").next()) {
            assert!(file.contains(name), "{name} is missing");
        }
        Ok(())
    });
}

#[test]
fn errors_name_the_setting_and_its_source() {
    Jail::expect_with(|jail| {
        jail.create_file(FILE_NAME, "[server]\nprot = 1\n")?;
        let message = load_error(ConfigFlags::default());
        assert!(message.contains("unknown setting `server.prot`"), "{message}");
        assert!(message.contains("did you mean `server.port`?"), "{message}");
        assert!(message.contains("in the file stepwell.toml, line 2"), "{message}");
        jail.create_file(FILE_NAME, "")?;
        jail.set_env("STEPWELL__SERVER__PORT", "high");
        let message = load_error(ConfigFlags::default());
        assert!(message.contains("`server.port`: invalid type"), "{message}");
        assert!(message.contains("variable STEPWELL__SERVER__PORT"), "{message}");
        let file = Some("none.toml".into());
        let message = load_error(ConfigFlags { file, ..ConfigFlags::default() });
        assert!(message.contains("none.toml does not exist"), "{message}");
        Ok(())
    });
}

/// A file, environment variables, and parts of the error.
type WrongConfig = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

const WRONG_CONFIGS: &[WrongConfig] = &[
    (
        "[log]\nlevel = \"inof\"",
        &[],
        &["`log.level`: `inof` is not a level; did you mean `info`?", "stepwell.toml, line 2"],
    ),
    (
        "",
        &[("STEPWELL__ENGINE__MAX_ACTIVE", "0")],
        &[
            "`engine.max_active`: must be 1 to 10000000, not 0",
            "variable STEPWELL__ENGINE__MAX_ACTIVE",
        ],
    ),
    (
        "",
        &[("STEPWELL__API__HEARTBEAT_SECONDS", "0")],
        &["`api.heartbeat_seconds`: must be 1 to 86400"],
    ),
    ("", &[("STEPWELL__API__MAX_BODY_BYTES", "0")], &["`api.max_body_bytes`: must be 1024 to"]),
    (
        "# sizes\n[engine]\n\nmax_value_bytes = -5",
        &[],
        &["`engine.max_value_bytes`: invalid value", "write a whole number from 1024 to", "line 4"],
    ),
    (
        "[engine]\nmemory_budget_bytes = 1",
        &[],
        &["`engine.memory_budget_bytes`", "must be 16777216 to", "line 2"],
    ),
    (
        "engine = { max_value_bytes = 1048576, max_execution_bytes = 4096 }",
        &[],
        &["must be at most `engine.max_execution_bytes`, which is 4096"],
    ),
    ("", &[("STEPWELL__API__METRICS_PUBLIC", "yes")], &["write true or false"]),
    (
        "",
        &[("STEPWELL__API__TRUSTED_PROXIES", "a,b")],
        &["write a list in brackets, such as [\"a\", \"b\"]"],
    ),
    (
        "[api]\npublic_url = \"example.com\"",
        &[],
        &["`api.public_url`", "is not an absolute URL", "line 2"],
    ),
    (
        "[server]\nhost = \"here\"",
        &[],
        &["`server.host`", "write an address such as 127.0.0.1", "line 2"],
    ),
    (
        "nothing = 0\nport = 1\n[server]\nprot = 2\n[sevrer]\nport = 3\n",
        &[],
        &[
            "unknown setting `port`; did you mean `server.port`? (in the file stepwell.toml, line 2)",
            "unknown setting `server.prot`; did you mean `server.port`? (in the file stepwell.toml, line 4)",
            "unknown setting `sevrer`; did you mean `server`?",
        ],
    ),
    ("[api]\nwaits = 3", &[], &["unknown setting `api.waits`; the settings there are"]),
    ("data_dir = \"\"", &[], &["`data_dir`: must be a folder"]),
];

#[test]
fn wrong_values_name_the_place_and_what_is_allowed() {
    for (file, variables, parts) in WRONG_CONFIGS {
        Jail::expect_with(|jail| {
            jail.create_file(FILE_NAME, file)?;
            for (name, value) in *variables {
                jail.set_env(name, value);
            }
            let message = load_error(ConfigFlags::default());
            for part in *parts {
                assert!(message.contains(part), "{part}\n{message}");
            }
            Ok(())
        });
    }
}
