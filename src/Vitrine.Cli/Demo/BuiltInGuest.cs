using Vitrine.Boot;
using Vitrine.X86;

namespace Vitrine.Cli.Demo;

/// <summary>
/// The demo's guest where no kernel can be had: 64-bit code that greets on the serial port, echoes what is typed, and powers off on "q". It was assembled
/// beforehand and is a part of the program.
/// </summary>
internal static class BuiltInGuest
{
    private const string Resource = "built-in-guest.bin";

    /// <summary>Where it is loaded, and where it starts.</summary>
    internal static Gpa Address { get; } = new(0x8000);

    /// <summary>Its code and data.</summary>
    internal static ReadOnlyMemory<byte> Code
    {
        get
        {
            using Stream stream = typeof(BuiltInGuest).Assembly.GetManifestResourceStream(Resource)!;
            byte[] code = new byte[stream.Length];
            stream.ReadExactly(code);
            return code;
        }
    }

    /// <summary>The guest as something to boot.</summary>
    public static BootSource ToBootSource() => new BootSource.FlatBytes(Code, Address, Address.Value, FlatMode.Long);
}
