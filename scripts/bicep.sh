#!/usr/bin/env bash
# Compiles infra/, lints it and checks its format, with the Bicep compiler on PATH or, if the .NET SDK is installed, from NuGet.
# Without either it says so and succeeds; with --require it fails. --path only prints where the compiler is.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.47.16

platform() {
  case "$(uname -sm)" in
    "Linux x86_64") echo linux-x64 ;;
    "Linux aarch64") echo linux-arm64 ;;
    "Darwin x86_64") echo osx-x64 ;;
    "Darwin arm64") echo osx-arm64 ;;
    *) return 1 ;;
  esac
}

from_nuget() {
  command -v dotnet >/dev/null || return 1
  local package project
  package="Azure.Bicep.CommandLine.$(platform)" || return 1
  local tool
  tool="${NUGET_PACKAGES:-$HOME/.nuget/packages}/$(tr '[:upper:]' '[:lower:]' <<<"$package")/$version/tools/bicep"
  if [ -x "$tool" ]; then echo "$tool"; return; fi
  project=$(mktemp -d)
  cat >"$project/bicep.csproj" <<END
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net$(dotnet --version | cut -d. -f1).0</TargetFramework></PropertyGroup>
  <ItemGroup><PackageDownload Include="$package" Version="[$version]" /></ItemGroup>
</Project>
END
  dotnet restore "$project/bicep.csproj" >"$project/log" 2>&1 || { tail -n 3 "$project/log" >&2; return 1; }
  chmod +x "$tool"
  rm -r "$project"
  echo "$tool"
}

if ! bicep=$(command -v bicep || from_nuget); then
  echo "infra/ was not compiled: bicep is not on PATH and could not be installed from NuGet." >&2
  [ "${1-}" != "--require" ]
  exit
fi

if [ "${1-}" = "--path" ]; then echo "$bicep"; exit; fi

"$bicep" --version
out=$(mktemp -d)
trap 'rm -r "$out"' EXIT

# Compiling lints, too. A warning is an error here, because its effect would only show in Azure.
said=$("$bicep" build infra/main.bicep --outfile "$out/main.json" 2>&1) || { echo "$said"; exit 1; }
[ -z "$said" ] || { echo "$said"; exit 1; }

cp -r infra "$out/formatted"
(cd "$out" && "$bicep" format --pattern 'formatted/*.bicep')
diff -r infra "$out/formatted" || { echo "Not formatted: bicep format --pattern 'infra/*.bicep'"; exit 1; }
echo "infra/ compiled without a warning: $(grep -c '"type": "Microsoft' "$out/main.json") resources"
