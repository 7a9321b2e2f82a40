using Vitrine.Errors;

namespace Vitrine.Cli.Serving;

/// <summary>The files that serve KVM to other programs: they lie beside the command.</summary>
/// <param name="Hook">The library that is preloaded.</param>
/// <param name="Core">The library with the CPU, which the hook loads when /dev/kvm is opened.</param>
/// <param name="Loader">The program that loads static ones.</param>
internal sealed record ServingParts(string Hook, string Core, string Loader)
{
    /// <summary>Finds them.</summary>
    /// <exception cref="VitrineException">One is missing.</exception>
    public static ServingParts Find()
    {
        string folder = AppContext.BaseDirectory;
        ServingParts parts = new(Path.Combine(folder, "vitrine-kvm-hook.so"), Path.Combine(folder, "vitrine-kvm.so"), Path.Combine(folder, "vitrine-kvm-loader"));
        foreach (string part in (string[])[parts.Hook, parts.Core, parts.Loader])
        {
            if (File.Exists(part)) continue;
            throw VitrineException.Host(
                CommandErrorCode.ServingParts,
                $"KVM can't be served: '{Path.GetFileName(part)}' is missing in '{folder}'.",
                "It is native code, which takes a C compiler and linker (clang or gcc, with the headers of the C library) to build, and none was found.",
                "Install one (Debian: apt-get install gcc libc6-dev) and run `./vitrine kvm` in the clone, which builds what is missing.");
        }

        // ld.so(8) takes both as separators between the libraries to preload.
        if (parts.Hook.AsSpan().IndexOfAny(' ', ':') < 0) return parts;
        throw VitrineException.User(
            CommandErrorCode.ServingParts,
            $"KVM can't be served from '{folder}'.",
            "There is a space or a colon in the path, which separates names in LD_PRELOAD.",
            "Put Vitrine into a folder without them.");
    }
}
