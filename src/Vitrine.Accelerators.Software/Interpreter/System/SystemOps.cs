using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Interpreter;

/// <summary>The instructions that touch the machine's own state: segments, far transfers, control registers, MSRs, ports.</summary>
internal static class SystemOps
{
    /// <summary>Names the binders of all groups.</summary>
    public static void Register(OpTable table)
    {
        SegmentMoveOps.Register(table);
        FarPointerOps.Register(table);
        DescriptorRegisterOps.Register(table);
        DescriptorQueryOps.Register(table);
        FarTransferOps.Register(table);
        SoftwareInterruptOps.Register(table);
        FastCallOps.Register(table);
        SegmentBaseOps.Register(table);
        FlagOps.Register(table);
        ControlRegisterOps.Register(table);
        DebugRegisterOps.Register(table);
        TranslationOps.Register(table);
        MsrOps.Register(table);
        ProcessorOps.Register(table);
        ProtectionKeyOps.Register(table);
        PortOps.Register(table);
        PortStringOps.Register(table);
    }
}
